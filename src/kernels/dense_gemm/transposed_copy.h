// A transposed copy of a TYPE_REAL matrix, in scratch memory.
#pragma once

#include "kernels/kernel.h"

// Rows a multiple of so many floats apart, 2 KiB, share few lines of the cache, column by column.
enum { UNLUCKY_STRIDE = 512 };

int64_t transposed_copy_stride(matrix from); // of the copy
sigmoe_status transposed_copy(const kernel_context *context, matrix from, matrix *to);
