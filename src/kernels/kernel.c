#include "kernels/kernel.h"

#include <string.h>

static const char *forced;

void kernel_force(const char *name) {
    forced = name;
}

bool kernel_runs(const kernel_identity *kernel) {
    bool onednn = strncmp(kernel->name, "onednn", strlen("onednn")) == 0;
    return kernel->level <= cpu_current() && !(onednn && cpu_without_onednn());
}

const kernel_identity *kernel_choose(const kernel_identity *const *list, int count) {
    const kernel_identity *best = NULL;
    for (int i = 0; i < count; i++) {
        if (!kernel_runs(list[i])) continue;
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
