// A transposed copy of a TYPE_REAL matrix, in scratch memory.
#pragma once

#include "kernels/kernel.h"

int64_t transposed_copy_stride(matrix from); // of the copy
sigmoe_status transposed_copy(const kernel_context *context, matrix from, matrix *to);
