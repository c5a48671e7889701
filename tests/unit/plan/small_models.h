// Models whose work can be counted by hand, and rates that make times easy to read.
#pragma once

#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"
#include "plan/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Include after the project's headers: cmocka has a macro named fail.
#include <setjmp.h>

#include <cmocka.h>

#define OK(call) assert_int_equal(call, SIGMOE_OK)

// d = 8, 2 layers, 2 heads of 3, segments of 10 tokens with 10 in memory, 20 tokens known.
static inline model_config small_model(const char *variant) {
    return (model_config){.vocab_size = 20,
        .d_model = 8,
        .n_layers = 2,
        .n_heads = 2,
        .d_head = 3,
        .unroll = 10,
        .memory_train = 1,
        .memory_eval = 1,
        .variant = ff_variant_named(variant)};
}

// 4 experts of 5 channels, 2 for each token.
static inline model_config small_mixture(void) {
    model_config model = small_model("moe");
    option_defaults(model.variant->options, &model.ff);
    model.ff.moe.n_experts = 4;
    model.ff.moe.expert_size = 5;
    model.ff.moe.k = 2;
    model.ff.moe.router = moe_router_named("sigmoid");
    return model;
}

static inline model_config small_dense(void) {
    model_config model = small_model("dense");
    model.ff.dense.d_ff = 20;
    return model;
}

static inline step_work work_of(const model_config *model, int64_t sequences) {
    step_work w;
    OK(step_work_of(model, sequences, TYPE_REAL, &w));
    return w;
}

// 1e9 of everything in a second; messages take no time but for their bytes.
static inline machine_rates even_rates(void) {
    machine_rates r = {.threads = 1, .memory = 1e6, .messages = {2, 1e-3, 1, 1}};
    for (int i = 0; i < WORK_PARTS; i++) r.f32.gflops[i] = r.bf16.gflops[i] = 1;
    r.f32.stream = r.f32.update = r.bf16.stream = r.bf16.update = 1;
    return r;
}
