// A transposed copy of a TYPE_REAL matrix, in scratch memory.
#pragma once

#include "kernels/kernel.h"

sigmoe_status transposed_copy(const kernel_context *context, matrix from, matrix *to);
