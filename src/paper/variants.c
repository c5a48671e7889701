#include "paper/variants.h"

#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"

#include <string.h>

static void set_dense(model_config *out, const moe_options *m) {
    out->variant = ff_variant_named("dense");
    out->ff = (ff_options){.dense = {m->n_experts * m->expert_size}};
}

static sigmoe_status dense(const model_config *base, model_config *out) {
    set_dense(out, &base->ff.moe);
    return SIGMOE_OK;
}

static sigmoe_status topk(const model_config *base, model_config *out) {
    const moe_options *m = &base->ff.moe;
    out->variant = ff_variant_named("topk");
    out->ff = (ff_options){.topk = {m->n_experts * m->expert_size, m->k * m->expert_size, false}};
    return SIGMOE_OK;
}

static void set_pkm(const model_config *base, model_config *out, pkm_activation activation, pkm_init init) {
    const moe_options *m = &base->ff.moe;
    int64_t channels = m->n_experts * m->expert_size;
    int64_t n = (int64_t)ceil(sqrt((double)channels));
    out->variant = ff_variant_named("pkm");
    out->ff = (ff_options){.pkm = {4, n, 128, activation, init}};
}

static sigmoe_status pkm_relu(const model_config *base, model_config *out) {
    set_pkm(base, out, PKM_RELU, PKM_INIT_STANDARD);
    return SIGMOE_OK;
}

static sigmoe_status pkm_softmax(const model_config *base, model_config *out) {
    set_pkm(base, out, PKM_SOFTMAX, PKM_INIT_STANDARD);
    return SIGMOE_OK;
}

static sigmoe_status pkm_relu_init(const model_config *base, model_config *out) {
    set_pkm(base, out, PKM_RELU, PKM_INIT_DENSE_EQUIVALENT);
    return SIGMOE_OK;
}

static sigmoe_status sigma_moe(const model_config *base, model_config *out) {
    (void)base, (void)out; // the base itself
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- σ-MoE with one thing changed

static sigmoe_status standard_dropout(const model_config *base, model_config *out) {
    out->ff.moe.expert_dropout = 0;
    out->ff.moe.dropout = base->dropout;
    return SIGMOE_OK;
}

static sigmoe_status softmax_renorm(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.router = moe_router_named("softmax_topk");
    return SIGMOE_OK;
}

static sigmoe_status softmax(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.router = moe_router_named("softmax");
    return SIGMOE_OK;
}

static sigmoe_status standard_init(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.init = MOE_INIT_STANDARD;
    return SIGMOE_OK;
}

static sigmoe_status no_regularization(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.regularizer = REGULARIZER_NONE;
    out->ff.moe.regularizer_weight = 0;
    out->ff.moe.expert_dropout = 0;
    return SIGMOE_OK;
}

// Multiplies by numerator / denominator; fails, naming the key, if the result is not an integer.
static sigmoe_status scale_size(int64_t *size, const char *key, int64_t numerator, int64_t denominator) {
    if (*size * numerator % denominator != 0)
        return fail(SIGMOE_BAD_ARGUMENT, "%s of the base is %lld; this variant needs it divisible by %lld",
            key, (long long)*size, (long long)denominator);
    *size = *size * numerator / denominator;
    return SIGMOE_OK;
}

// Makes experts `grow` times larger and the number of experts `grow` times smaller.
static sigmoe_status larger_experts(model_config *out, int64_t grow) {
    TRY(scale_size(&out->ff.moe.n_experts, "ff.n_experts", 1, grow));
    return scale_size(&out->ff.moe.expert_size, "ff.expert_size", grow, 1);
}

static sigmoe_status smaller_experts(model_config *out) {
    TRY(scale_size(&out->ff.moe.n_experts, "ff.n_experts", 2, 1));
    return scale_size(&out->ff.moe.expert_size, "ff.expert_size", 1, 2);
}

static sigmoe_status double_k_half_g(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.k *= 2;
    return smaller_experts(out);
}

static sigmoe_status half_k_double_g(const model_config *base, model_config *out) {
    (void)base;
    TRY(scale_size(&out->ff.moe.k, "ff.k", 1, 2));
    return larger_experts(out, 2);
}

static sigmoe_status quarter_k_4g(const model_config *base, model_config *out) {
    (void)base;
    TRY(scale_size(&out->ff.moe.k, "ff.k", 1, 4));
    return larger_experts(out, 4);
}

static sigmoe_status double_experts_half_g(const model_config *base, model_config *out) {
    (void)base;
    return smaller_experts(out);
}

static sigmoe_status quarter_k(const model_config *base, model_config *out) {
    (void)base;
    return scale_size(&out->ff.moe.k, "ff.k", 1, 4);
}

static sigmoe_status half_k(const model_config *base, model_config *out) {
    (void)base;
    return scale_size(&out->ff.moe.k, "ff.k", 1, 2);
}

static sigmoe_status double_k(const model_config *base, model_config *out) {
    (void)base;
    return scale_size(&out->ff.moe.k, "ff.k", 2, 1);
}

// ---------------------------------------------------------------- other mixtures of experts

static void set_switch(model_config *out, double inner_dropout) {
    moe_options *m = &out->ff.moe;
    m->router = moe_router_named("softmax");
    m->regularizer = REGULARIZER_SWITCH;
    m->regularizer_weight = 0.01;
    m->expert_dropout = 0;
    m->dropout = inner_dropout;
    m->init = MOE_INIT_SWITCH;
}

static sigmoe_status switch_transformer(const model_config *base, model_config *out) {
    set_switch(out, base->dropout);
    out->ff.moe.k = 1;
    return larger_experts(out, 4);
}

static sigmoe_status switch_no_dropout(const model_config *base, model_config *out) {
    (void)base;
    set_switch(out, 0);
    out->ff.moe.k = 1;
    return larger_experts(out, 4);
}

static sigmoe_status switch_k4(const model_config *base, model_config *out) {
    set_switch(out, base->dropout);
    return SIGMOE_OK;
}

static sigmoe_status switch_k1(const model_config *base, model_config *out) {
    set_switch(out, base->dropout);
    out->ff.moe.k = 1;
    return SIGMOE_OK;
}

// S-BASE is always regularized; if the base is not, with the weight used in the public code.
static sigmoe_status s_base_k4(const model_config *base, model_config *out) {
    moe_options *m = &out->ff.moe;
    m->router = moe_router_named("sinkhorn");
    m->regularizer = REGULARIZER_ENTROPY;
    if (base->ff.moe.regularizer == REGULARIZER_NONE) m->regularizer_weight = 1e-4;
    return SIGMOE_OK;
}

static sigmoe_status s_base(const model_config *base, model_config *out) {
    TRY(s_base_k4(base, out));
    out->ff.moe.k = 1;
    return larger_experts(out, 4);
}

static sigmoe_status noisy_topk(const model_config *base, model_config *out) {
    (void)base;
    out->ff.moe.router = moe_router_named("noisy_topk");
    out->ff.moe.expert_dropout = 0;
    out->ff.moe.regularizer = REGULARIZER_CV;
    out->ff.moe.regularizer_weight = 0.01;
    return SIGMOE_OK;
}

static sigmoe_status without_router(model_config *out, const char *name) {
    out->ff.moe.router = moe_router_named(name);
    out->ff.moe.expert_dropout = 0;
    out->ff.moe.regularizer = REGULARIZER_NONE;
    out->ff.moe.regularizer_weight = 0;
    return SIGMOE_OK;
}

static sigmoe_status hash(const model_config *base, model_config *out) {
    (void)base;
    return without_router(out, "hash");
}

static sigmoe_status random_experts(const model_config *base, model_config *out) {
    (void)base;
    return without_router(out, "random");
}

// ---------------------------------------------------------------- the table

static const paper_variant rows[] = {
    // published: WT-S, WT-S*, WT-B, E8, C4-S, C4-B, peS2o-S, peS2o-B
    {"dense", "two dense layers, ReLU", "Tab. 1, 3", {11.81, 10.03, 9.46, 1.08, 23.76, 17.79, 14.34, 10.91},
        .apply = dense},
    {"topk", "dense, the K·G largest channels of each token", "Tab. 1 (WT-S K=512, WT-B and E8 K=128)",
        {11.68, 0, 9.26, 1.07}, .apply = topk},
    {"pkm-softmax", "product-key memory, softmax", "Tab. 2", {13.96, 0, 11.10, 1.16}, .apply = pkm_softmax},
    {"pkm-relu", "product-key memory, ReLU", "Tab. 2", {12.77, 0, 9.98, 1.11}, .apply = pkm_relu},
    {"pkm-relu-init", "product-key memory, ReLU, dense-equivalent initialization", "Tab. 2",
        {12.75, 0, 9.96, 1.11}, .apply = pkm_relu_init},
    {"pkm-softmax-value", "product-key memory, softmax, N_E·G values", "Tab. 6", {0}, .apply = pkm_softmax,
        .keeps_size = true},
    {"pkm-relu-value", "product-key memory, ReLU, N_E·G values", "Tab. 6", {0}, .apply = pkm_relu,
        .keeps_size = true},
    {"pkm-relu-init-value", "product-key memory, ReLU, dense-equivalent initialization, N_E·G values",
        "Tab. 6", {0}, .apply = pkm_relu_init, .keeps_size = true},
    {"sigma-moe", "σ-MoE: sigmoid router, expert dropout, entropy regularizer", "Tab. 3, 4, 10",
        {11.59, 10.37, 9.44, 1.08, 23.25, 17.46, 14.12, 10.91}, .apply = sigma_moe},
    {"standard-dropout", "σ-MoE with standard dropout in the experts", "Tab. 10", {12.01, 10.27, 9.53, 1.08},
        .apply = standard_dropout},
    {"softmax-renorm", "σ-MoE with softmax after top-K", "Tab. 10", {11.89, 11.27, 9.58, 1.09},
        .apply = softmax_renorm},
    {"softmax", "σ-MoE with softmax before top-K", "Tab. 10", {12.05, 10.54, 9.62, 1.09}, .apply = softmax},
    {"standard-init", "σ-MoE with W2 scaled by the expert's own size", "Tab. 10", {11.80, 10.59, 9.67, 1.08},
        .apply = standard_init},
    {"no-regularization", "σ-MoE without regularizer and expert dropout", "Tab. 10",
        {11.83, 10.41, 9.51, 1.08}, .apply = no_regularization},
    {"2k-half-g", "σ-MoE, 2K experts of half the size, 2N_E", "Tab. 10 (K=8, G=64)",
        {11.63, 10.30, 9.58, 1.08}, .apply = double_k_half_g},
    {"half-k-2g", "σ-MoE, K/2 experts of twice the size, N_E/2", "Tab. 10 (K=2, G=256)",
        {11.84, 10.44, 9.56, 1.09}, .apply = half_k_double_g},
    {"quarter-k-4g", "σ-MoE, K/4 experts of four times the size, N_E/4", "Tab. 10 (K=1, G=512)",
        {11.90, 10.83, 9.58, 1.09}, .apply = quarter_k_4g},
    {"2ne-half-g", "σ-MoE, 2N_E experts of half the size", "Tab. 10 (2N_E, G=64)", {11.81, 10.53, 0, 1.08},
        .apply = double_experts_half_g},
    {"quarter-k", "σ-MoE, K/4", "Tab. 10 (K=1)", {12.26, 11.30, 0, 1.09}, .apply = quarter_k},
    {"half-k", "σ-MoE, K/2", "Tab. 10 (K=2)", {11.90, 10.66, 0, 1.09}, .apply = half_k},
    {"2k", "σ-MoE, 2K", "Tab. 10 (K=8)", {11.58, 10.22, 0, 1.08}, .apply = double_k},
    {"switch", "Switch Transformer: softmax router, K=1, G·4, N_E/4", "Tab. 4, 10 (K=1, G=512)",
        {12.27, 11.24, 9.68, 1.08, 24.47, 18.29, 14.74, 11.56}, .apply = switch_transformer},
    {"switch-no-dropout", "Switch without dropout in the experts", "Tab. 10", {11.88, 11.10, 9.77, 1.10},
        .apply = switch_no_dropout},
    {"switch-k4", "Switch with the base's K and G", "Tab. 10 (K=4, G=128)", {12.05, 11.37, 0, 1.10},
        .apply = switch_k4},
    {"switch-k1", "Switch with K=1 and the base's G", "Tab. 10 (K=1, G=128)", {12.61, 11.89, 0, 1.11},
        .apply = switch_k1},
    {"s-base", "S-BASE: Sinkhorn router, K=1, G·4, N_E/4", "Tab. 4, 10 (K=1, G=512)",
        {12.32, 11.31, 9.77, 1.32}, .apply = s_base},
    {"s-base-k4", "S-BASE with the base's K and G", "Tab. 10 (K=4, G=128)",
        {13.01, 10.96, 10.50, 1.17, 35.48, 18.53, 16.61, 11.72}, .apply = s_base_k4},
    {"noisy-topk", "noisy top-K router, CV regularizer", "", {0}, .apply = noisy_topk},
    {"hash", "experts fixed for each token id", "", {0}, .apply = hash},
    {"random", "experts drawn anew for each token", "", {0}, .apply = random_experts},
};

_Static_assert(sizeof rows / sizeof *rows <= MOST_PAPER_VARIANTS, "raise MOST_PAPER_VARIANTS");

int paper_variant_count(void) {
    return sizeof rows / sizeof *rows;
}
const paper_variant *paper_variant_at(int index) {
    return &rows[index];
}

const paper_variant *paper_variant_named(const char *name) {
    for (int i = 0; i < paper_variant_count(); i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

sigmoe_status paper_variant_apply(const paper_variant *variant, const model_config *base, model_config *out) {
    if (base->variant != ff_variant_named("moe"))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the base's ff.type is %s; a comparison starts from a mixture of experts (ff.type moe)",
            base->variant ? base->variant->name : "missing");
    *out = *base;
    return variant->apply(base, out);
}

double comparison_flops_share(const model_config *base, const model_config *model) {
    ff_surroundings around = model_ff_surroundings(model);
    const ff_options dense = {.dense = {.d_ff = base->variant->channels(&base->ff)}};
    return model->variant->multiply_adds(&model->ff, &around) /
           ff_variant_named("dense")->multiply_adds(&dense, &around);
}
