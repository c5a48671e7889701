// Token embedding: x = table[token], and its gradient.
#pragma once

#include "kernels/kernel.h"

// x [N, d] = rows of table [V, d].
void embedding_forward(const kernel_context *context, matrix table, const int32_t *tokens, matrix x);
// dtable [V, d] += rows of dx [N, d], summed in token order for any number of threads.
void embedding_backward(const kernel_context *context, matrix dtable, const int32_t *tokens, matrix dx);
