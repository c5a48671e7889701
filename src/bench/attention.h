// The attention kernel's benchmark data, for `bench attention` and `bench kernel`.
#pragma once

#include "kernels/relative_attention/relative_attention.h"

// The sizes in WT-S, those of a request unless it has others.
extern const sigmoe_bench_attention_request wt_s_attention;
// FLOPs of a forward pass, as sigmoe_bench_attention_result counts work.
double bench_attention_flops(const sigmoe_bench_attention_request *r);
// Allocates everything in `a`; accumulated gradients start at zero.
sigmoe_status bench_attention_data(
    const sigmoe_bench_attention_request *r, arena *a, attention_call *call, attention_gradients *gradients);
// The implementation of sigmoe_bench_attention.
sigmoe_status bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result);
