#include "kernels/kernel.h"

#include <string.h>

#define OPERATION(name) extern const kernel_list name##_list;
#include "kernels/operations.inc"
#undef OPERATION

static const kernel_list *const operations[] = {
#define OPERATION(name) &name##_list,
#include "kernels/operations.inc"
#undef OPERATION
};

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

bool kernel_list_at(int index, kernel_list *list) {
    if (index < 0 || index >= (int)(sizeof operations / sizeof *operations)) return false;
    *list = *operations[index];
    return true;
}
