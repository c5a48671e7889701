// All operations, for `info --cpu`, tests and benchmarks.
#pragma once

#include "kernels/operations.h"

#include "kernels/kernel.h"

// False when `index` is past the end.
bool kernel_list_at(int index, kernel_list *list);
