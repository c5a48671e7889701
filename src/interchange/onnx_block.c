#include "interchange/onnx_block.h"

#include "model/feedforward/router_names.h"
#include "model/feedforward/variant.h"

#include <stdio.h>
#include <string.h>

const char *onnx_weight(const onnx_model *m, int layer, const char *name) {
    char full[128];
    if (layer < 0)
        snprintf(full, sizeof full, "%s", name);
    else
        snprintf(full, sizeof full, "layers.%d.%s", layer, name);
    const parameter *p = parameters_find(m->weights, full);
    onnx_type type = p->trainable ? ONNX_FLOAT : ONNX_INT32;
    const void *bytes = p->trainable ? (const void *)p->value : p->table;
    return onnx_tensor(m->graph, full, type, p->dims, p->shape, bytes);
}

const char *onnx_linear(const onnx_model *m, const char *x, int layer, const char *name) {
    const char *transposed = onnx_op(m->graph, "Transpose", "perm=1,0", onnx_weight(m, layer, name), NULL);
    return onnx_op(m->graph, "MatMul", "", x, transposed, NULL);
}

// The k largest of the last axis, of equal ones those with lower indices.
static const char *top(const onnx_model *m, const char *x, int64_t k) {
    return onnx_op(m->graph, "TopK", "axis=-1", x, ONNX_INTS(m->graph, k), NULL);
}

// ---------------------------------------------------------------- dense and Top-K

static const char *keep_largest(const onnx_model *m, int layer, const char *u) {
    onnx_graph *g = m->graph;
    const topk_options *o = &m->config->ff.topk;
    const char *ranking = u;
    if (o->norm_compensation) {
        const char *down = onnx_weight(m, layer, "ff.down.weight");
        ranking = onnx_op(g, "Mul", "", u, onnx_op(g, "ReduceL2", "axes=0, keepdims=0", down, NULL), NULL);
    }
    const char *least =
        onnx_op(g, "Gather", "axis=-1", top(m, ranking, o->k), ONNX_INTS(g, o->k - 1), NULL); // [B, n, 1]
    const char *kept = onnx_op(g, "GreaterOrEqual", "", ranking, least, NULL);
    return onnx_op(g, "Where", "", kept, u, onnx_float(g, 0), NULL);
}

static const char *two_layers(const onnx_model *m, int layer, const char *x, bool largest) {
    onnx_graph *g = m->graph;
    const char *up = onnx_linear(m, x, layer, "ff.up.weight");
    const char *u =
        onnx_op(g, "Relu", "", onnx_op(g, "Add", "", up, onnx_weight(m, layer, "ff.up.bias"), NULL), NULL);
    if (largest) u = keep_largest(m, layer, u);
    const char *down = onnx_linear(m, u, layer, "ff.down.weight");
    return onnx_op(g, "Add", "", down, onnx_weight(m, layer, "ff.down.bias"), NULL);
}

// ---------------------------------------------------------------- product keys

// Scores [B, n, h, n_subkeys] of one half of x.
static const char *half_scores(const onnx_model *m, int layer, const char *x, int half) {
    onnx_graph *g = m->graph;
    const pkm_options *o = &m->config->ff.pkm;
    const int64_t width = m->config->d_model / 2;
    const char *part = onnx_op(g, "Slice", "", x, ONNX_INTS(g, half * width),
        ONNX_INTS(g, (half + 1) * width), ONNX_INTS(g, 2), NULL);
    const char *keys =
        onnx_op(g, "Reshape", "", onnx_weight(m, layer, half ? "ff.subkeys.1" : "ff.subkeys.0"),
            ONNX_INTS(g, o->n_heads * o->n_subkeys, width), NULL);
    const char *scores =
        onnx_op(g, "MatMul", "", part, onnx_op(g, "Transpose", "perm=1,0", keys, NULL), NULL);
    return onnx_op(g, "Reshape", "", scores, ONNX_INTS(g, 0, 0, o->n_heads, o->n_subkeys), NULL);
}

static const char *product_keys(const onnx_model *m, int layer, const char *x) {
    onnx_graph *g = m->graph;
    const pkm_options *o = &m->config->ff.pkm;
    const char *values = onnx_weight(m, layer, "ff.values");
    const char *a = half_scores(m, layer, x, 0), *b = half_scores(m, layer, x, 1);
    const bool all = o->knn >= o->n_subkeys; // then the heads' scores are summed
    if (all) {
        a = onnx_op(g, "ReduceSum", "keepdims=1", a, ONNX_INTS(g, 2), NULL);
        b = onnx_op(g, "ReduceSum", "keepdims=1", b, ONNX_INTS(g, 2), NULL);
    }
    const char *pairs = onnx_op(g, "Add", "", onnx_op(g, "Unsqueeze", "", a, ONNX_INTS(g, 4), NULL),
        onnx_op(g, "Unsqueeze", "", b, ONNX_INTS(g, 3), NULL), NULL);
    const int64_t count = o->n_subkeys * o->n_subkeys, heads = all ? 1 : o->n_heads;
    const char *scores = onnx_op(g, "Reshape", "", pairs, ONNX_INTS(g, 0, 0, heads, count), NULL),
               *index = NULL;
    if (!all) {
        scores = top(m, scores, o->knn);
        index = onnx_second_output(g, scores);
    }
    const char *flat = ONNX_INTS(g, 0, 0, all ? count : heads * o->knn);
    scores = onnx_op(g, "Reshape", "", scores, flat, NULL);
    const char *weights = o->activation == PKM_RELU ? onnx_op(g, "Relu", "", scores, NULL)
                                                    : onnx_op(g, "Softmax", "axis=-1", scores, NULL);
    if (all) return onnx_op(g, "MatMul", "", weights, values, NULL);
    const char *found =
        onnx_op(g, "Gather", "axis=0", values, onnx_op(g, "Reshape", "", index, flat, NULL), NULL);
    const char *row = onnx_op(g, "Unsqueeze", "", weights, ONNX_INTS(g, 2), NULL); // [B, n, 1, h * knn]
    return onnx_op(g, "Squeeze", "", onnx_op(g, "MatMul", "", row, found, NULL), ONNX_INTS(g, 2), NULL);
}

// ---------------------------------------------------------------- mixture of experts

static const char *router_name(const model_config *config) {
    return moe_router_name(config->ff.moe.router);
}

// [B, n, K]: the chosen experts; *weights: theirs, or NULL where all are 1.
static const char *choose_experts(const onnx_model *m, int layer, const char *x, const char **weights) {
    onnx_graph *g = m->graph;
    const char *router = router_name(m->config);
    *weights = NULL;
    if (strcmp(router, "hash") == 0) {
        const char *table = onnx_weight(m, layer, "ff.router.table");
        const char *rows = onnx_op(g, "Gather", "axis=0", table, m->input, NULL);
        return onnx_op(g, "Cast", "to=7", rows, NULL);
    }
    const char *ranking = onnx_linear(m, x, layer, "ff.router.weight");
    bool softmax = strcmp(router, "softmax") == 0, sigmoid = strcmp(router, "sigmoid") == 0;
    if (softmax) ranking = onnx_op(g, "Softmax", "axis=-1", ranking, NULL);
    if (sigmoid) ranking = onnx_op(g, "Sigmoid", "", ranking, NULL);
    const char *best = top(m, ranking, m->config->ff.moe.k);
    if (softmax || sigmoid)
        *weights = best;
    else if (strcmp(router, "sinkhorn") == 0)
        *weights = onnx_op(g, "Sigmoid", "", best, NULL);
    else // softmax_topk, noisy_topk: normalized over the chosen
        *weights = onnx_op(g, "Softmax", "axis=-1", best, NULL);
    return onnx_second_output(g, best);
}

// [B, n, N_E]: each expert's weight for each token, 0 for those that were not chosen.
static const char *expert_weights(const onnx_model *m, int layer, const char *x) {
    onnx_graph *g = m->graph;
    const char *weights, *index = choose_experts(m, layer, x, &weights);
    const float zero_one[2] = {0, 1};
    const char *range = onnx_op(g, "Concat", "axis=0",
        onnx_op(g, "Unsqueeze", "", onnx_float(g, zero_one[0]), ONNX_INTS(g, 0), NULL),
        onnx_op(g, "Unsqueeze", "", onnx_float(g, zero_one[1]), ONNX_INTS(g, 0), NULL), NULL);
    const char *chosen =
        onnx_op(g, "OneHot", "axis=-1", index, onnx_int(g, m->config->ff.moe.n_experts), range, NULL);
    if (weights)
        chosen =
            onnx_op(g, "Mul", "", chosen, onnx_op(g, "Unsqueeze", "", weights, ONNX_INTS(g, 3), NULL), NULL);
    return onnx_op(g, "ReduceSum", "keepdims=0", chosen, ONNX_INTS(g, 2), NULL);
}

// Of hidden [B, n, N_E, G], all but the largest channels of each token become 0: those of other experts are already.
static const char *keep_channels(const onnx_model *m, const char *hidden) {
    onnx_graph *g = m->graph;
    const moe_options *o = &m->config->ff.moe;
    const char *channels =
        onnx_op(g, "Reshape", "", hidden, ONNX_INTS(g, 0, 0, o->n_experts * o->expert_size), NULL);
    const char *best = top(m, channels, o->channels_kept);
    const char *none = onnx_op(g, "Sub", "", channels, channels, NULL);
    const char *kept = onnx_op(g, "ScatterElements", "axis=2", none, onnx_second_output(g, best), best, NULL);
    return onnx_op(g, "Reshape", "", kept, ONNX_INTS(g, 0, 0, o->n_experts, o->expert_size), NULL);
}

// Every expert is computed for every token: standard operators know no products of the chosen ones alone.
static const char *mixture(const onnx_model *m, int layer, const char *x) {
    onnx_graph *g = m->graph;
    const moe_options *o = &m->config->ff.moe;
    const char *weights = expert_weights(m, layer, x);
    const char *up = onnx_op(g, "MatMul", "", onnx_op(g, "Unsqueeze", "", x, ONNX_INTS(g, 1), NULL),
        onnx_weight(m, layer, "ff.experts.up"), NULL); // [B, N_E, n, G]
    const char *hidden = onnx_op(g, "Relu", "", up, NULL);
    hidden = onnx_op(g, "Transpose", "perm=0,2,1,3", hidden, NULL);
    hidden = onnx_op(g, "Mul", "", hidden, onnx_op(g, "Unsqueeze", "", weights, ONNX_INTS(g, 3), NULL), NULL);
    if (o->channels_kept && o->channels_kept < o->k * o->expert_size) hidden = keep_channels(m, hidden);
    hidden = onnx_op(g, "Transpose", "perm=0,2,1,3", hidden, NULL);
    const char *down = onnx_op(g, "MatMul", "", hidden, onnx_weight(m, layer, "ff.experts.down"), NULL);
    return onnx_op(g, "ReduceSum", "keepdims=0", down, ONNX_INTS(g, 1), NULL);
}

// ---------------------------------------------------------------- any of them

static bool is_variant(const model_config *config, const char *name) {
    return strcmp(config->variant->name, name) == 0;
}

sigmoe_status onnx_block_check(const model_config *config) {
    if (!is_variant(config, "moe") || strcmp(router_name(config), "random") != 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "the router random draws experts anew for each token, which ONNX's "
                                     "standard operators cannot repeat: use "
                                     "another `format`");
}

const char *onnx_block(const onnx_model *m, int layer, const char *x) {
    if (is_variant(m->config, "pkm")) return product_keys(m, layer, x);
    if (is_variant(m->config, "moe")) return mixture(m, layer, x);
    return two_layers(m, layer, x, is_variant(m->config, "topk"));
}
