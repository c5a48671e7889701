// Small blocks by the public interface and passes through them.
#pragma once

#include "api/layer_checks.h"

enum { T = 21, D = 12, EXPERTS = 5, SIZE = 6, K = 2, D_FF = 17, LAYER = 3, SEED = 17, STEP = 2 };

static inline sigmoe_config *new_config(void) {
    sigmoe_config *config;
    OK(sigmoe_config_create(&config));
    const char *const keys[][2] = {{"d_model", "12"}, {"n_layers", "4"}, {"vocab_size", "11"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        OK(sigmoe_config_set(config, keys[i][0], keys[i][1]));
    return config;
}

static inline void set_all(sigmoe_config *config, const char *const (*keys)[2], size_t count) {
    for (size_t i = 0; i < count; i++) OK(sigmoe_config_set(config, keys[i][0], keys[i][1]));
}

static inline sigmoe_config *dense_config(void) {
    static const char *const keys[][2] = {{"ff.type", "dense"}, {"ff.d_ff", "17"}};
    sigmoe_config *config = new_config();
    set_all(config, keys, sizeof keys / sizeof *keys);
    return config;
}

static inline sigmoe_config *moe_config(const char *router) {
    static const char *const keys[][2] = {{"ff.type", "moe"}, {"ff.n_experts", "5"}, {"ff.expert_size", "6"},
        {"ff.k", "2"}, {"ff.regularizer", "none"}};
    sigmoe_config *config = new_config();
    set_all(config, keys, sizeof keys / sizeof *keys);
    OK(sigmoe_config_set(config, "ff.router", router));
    return config;
}

static inline sigmoe_block *new_block(sigmoe_config *config, sigmoe_dtype type) {
    sigmoe_block *b;
    OK(sigmoe_block_create(config, LAYER, SEED, type, &b));
    sigmoe_config_free(config);
    return b;
}

static inline sigmoe_parameter parameter_of(sigmoe_block *b, const char *name) {
    sigmoe_parameter p;
    if (!sigmoe_block_parameter_named(b, name, &p)) fail_msg("no parameter %s", name);
    return p;
}

// Values of a size at which every path is taken.
static inline void draw_values(sigmoe_block *b) {
    sigmoe_parameter p;
    for (int i = 0; sigmoe_block_parameter(b, i, &p); i++)
        if (p.value) fill_normal(p.value, p.count, 1 / sqrt(D), 100 + (uint64_t)i);
}

typedef struct pass {
    sigmoe_real x[T * D], dy[T * D], y[T * D], dx[T * D];
    int32_t ids[T];
    sigmoe_block_call call;
} pass;

static inline void draw_pass(pass *p, bool training) {
    fill_normal(p->x, T * D, 1, 1);
    fill_normal(p->dy, T * D, 1, 2);
    for (int t = 0; t < T; t++) p->ids[t] = t * 7 % 11;
    sigmoe_block_call_defaults(&p->call);
    p->call.tokens = T;
    p->call.x = p->x;
    p->call.ids = p->ids;
    p->call.training = training;
    p->call.keep = true;
    p->call.step = STEP;
}

static inline void run_pass(sigmoe_block *b, pass *p) {
    OK(sigmoe_block_forward(b, &p->call, p->y));
    OK(sigmoe_block_backward(b, p->dy, p->dx));
}
