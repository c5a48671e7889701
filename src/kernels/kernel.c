#include "kernels/kernel.h"

#include <string.h>

static const char *forced;

void kernel_force(const char *name) {
    forced = name;
}

const kernel_identity *kernel_choose(const kernel_identity *const *list, int count) {
    const kernel_identity *best = NULL;
    for (int i = 0; i < count; i++) {
        if (list[i]->level > cpu_current()) continue;
        if (!best) best = list[i];
        if (forced && strcmp(forced, list[i]->name) == 0) return list[i];
    }
    return best; // never NULL: every list ends with the scalar reference
}

bool kernel_obeys(const kernel_identity *const *list, int count) {
    for (int i = 0; forced && i < count; i++)
        if (strcmp(forced, list[i]->name) == 0) return true;
    return !forced;
}
