// Dense matrix products.
#pragma once

#include "kernels/dense_gemm/gemm_call.h"

sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call);
// Scratch memory for the call on one thread; depends only on the matrices' shapes and types.
double dense_gemm_scratch_bytes(const gemm_call *call);
