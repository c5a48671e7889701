#include "kernels/operations.h"

#define OPERATION(name) extern const kernel_list name##_list;
#include "kernels/operations.inc"
#undef OPERATION

static const kernel_list *const operations[] = {
#define OPERATION(name) &name##_list,
#include "kernels/operations.inc"
#undef OPERATION
};

bool kernel_list_at(int index, kernel_list *list) {
    if (index < 0 || index >= (int)(sizeof operations / sizeof *operations)) return false;
    *list = *operations[index];
    return true;
}
