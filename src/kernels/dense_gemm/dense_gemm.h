// Dense matrix products.
#pragma once

#include "kernels/dense_gemm/gemm_call.h"

sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call);
// The same for several calls, none of which uses what another computes: products of few rows share a round of the pool. All have
// operands of one type.
sigmoe_status dense_gemm_together(const kernel_context *context, const gemm_call *calls, int count);
// Scratch memory for the call on one thread; depends only on the matrices' shapes and types.
double dense_gemm_scratch_bytes(const gemm_call *call);
