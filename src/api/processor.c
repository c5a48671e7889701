// The processor that the process runs on.
#include "base/threads_place.h"
#include "kernels/kernel.h"
#include "kernels/operations.h"

#include <stdlib.h>

const char *sigmoe_version(void) {
    return SIGMOE_VERSION;
}
void sigmoe_free(char *text) {
    free(text);
}
sigmoe_status sigmoe_initialize(void) {
    return cpu_init();
}
void sigmoe_pin_threads(void) {
    threads_pin();
}
const char *sigmoe_cpu_name(void) {
    return cpu_level_name(cpu_current());
}

bool sigmoe_cpu_kernel(int index, const char **operation, const char **implementation) {
    kernel_list list;
    if (!kernel_list_at(index, &list)) return false;
    *operation = list.operation;
    *implementation = kernel_choose(list.all, list.count)->name;
    return true;
}
