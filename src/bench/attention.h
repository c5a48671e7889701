// The attention kernel's benchmark data, for `bench attention` and `bench kernel`.
#pragma once

#include "kernels/relative_attention/relative_attention.h"

// Of a forward pass: what sigmoe_bench_attention_result says counts as work.
double bench_attention_flops(const sigmoe_bench_attention_request *r);
// Everything in `a`; the gradients' sums begin at zero.
sigmoe_status bench_attention_data(
    const sigmoe_bench_attention_request *r, arena *a, attention_call *call, attention_gradients *gradients);
// What sigmoe_bench_attention does.
sigmoe_status bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result);
