#include "interchange/export_onnx.h"

#include "config/model_directory.h"
#include "interchange/onnx_block.h"
#include "system/file.h"

#include <math.h>
#include <string.h>

// What all layers share: of n tokens, which see which, and how far they are apart.
typedef struct positions {
    const char *visible;  // bool [n, n]
    const char *distance; // int64 [n, n], 0 for later ones
    const char *waves;    // [n, d]: the sinusoids of keys that lie 0, 1, ... tokens back
} positions;

// Angles beyond a few turns are too large for the sine of a float, so the turns are removed in doubles.
static const char *make_waves(const onnx_model *m, const char *range) {
    onnx_graph *g = m->graph;
    const double turn = 2 * M_PI;
    const int64_t d = m->config->d_model, pairs = (d + 1) / 2;
    double *frequencies;
    if (ARENA_NEW(m->arena, frequencies, pairs) != SIGMOE_OK) return NULL;
    for (int64_t i = 0; i < pairs; i++) frequencies[i] = -pow(10000, -2.0 * (double)i / (double)d) / turn;
    const char *steps =
        onnx_op(g, "Unsqueeze", "", onnx_op(g, "Cast", "to=11", range, NULL), ONNX_INTS(g, 1), NULL);
    const char *turns = onnx_op(g, "Mul", "", steps, onnx_doubles(g, pairs, frequencies), NULL);
    const char *rest = onnx_op(g, "Sub", "", turns, onnx_op(g, "Floor", "", turns, NULL), NULL);
    const char *angles =
        onnx_op(g, "Mul", "", onnx_op(g, "Cast", "to=1", rest, NULL), onnx_float(g, (float)turn), NULL);
    const char *even =
        onnx_op(g, "Unsqueeze", "", onnx_op(g, "Sin", "", angles, NULL), ONNX_INTS(g, 2), NULL);
    const char *odd = onnx_op(g, "Unsqueeze", "", onnx_op(g, "Cos", "", angles, NULL), ONNX_INTS(g, 2), NULL);
    const char *waves = onnx_op(
        g, "Reshape", "", onnx_op(g, "Concat", "axis=2", even, odd, NULL), ONNX_INTS(g, 0, 2 * pairs), NULL);
    return d % 2 == 0
               ? waves
               : onnx_op(g, "Slice", "", waves, ONNX_INTS(g, 0), ONNX_INTS(g, d), ONNX_INTS(g, 1), NULL);
}

static positions make_positions(const onnx_model *m) {
    onnx_graph *g = m->graph;
    const int64_t memory = m->config->unroll * m->config->memory_eval;
    const char *unroll = onnx_int(g, m->config->unroll);
    const char *count =
        onnx_op(g, "Gather", "axis=0", onnx_op(g, "Shape", "", m->input, NULL), onnx_int(g, 1), NULL);
    const char *range = onnx_op(g, "Range", "", onnx_int(g, 0), count, onnx_int(g, 1), NULL);
    const char *query = onnx_op(g, "Unsqueeze", "", range, ONNX_INTS(g, 1), NULL);
    const char *key = onnx_op(g, "Unsqueeze", "", range, ONNX_INTS(g, 0), NULL);
    const char *segment = onnx_op(g, "Mul", "", onnx_op(g, "Div", "", query, unroll, NULL), unroll, NULL);
    const char *first = onnx_op(g, "Sub", "", segment, onnx_int(g, memory), NULL);
    const char *back = onnx_op(g, "Sub", "", query, key, NULL);
    return (positions){
        .visible = onnx_op(g, "And", "", onnx_op(g, "LessOrEqual", "", key, query, NULL),
            onnx_op(g, "GreaterOrEqual", "", key, first, NULL), NULL),
        .distance = onnx_op(g, "Max", "", back, onnx_int(g, 0), NULL),
        .waves = make_waves(m, range),
    };
}

static const char *layer_norm(const onnx_model *m, const char *x, int layer, const char *name) {
    char weight[64], bias[64];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    return onnx_op(m->graph, "LayerNormalization", "axis=-1 epsilon=1e-5", x, onnx_weight(m, layer, weight),
        onnx_weight(m, layer, bias), NULL);
}

// [..., rows, H * d_h] -> [..., H, rows, d_h]
static const char *split_heads(const onnx_model *m, const char *x) {
    onnx_graph *g = m->graph;
    const char *heads =
        onnx_op(g, "Reshape", "", x, ONNX_INTS(g, 0, 0, m->config->n_heads, m->config->d_head), NULL);
    return onnx_op(g, "Transpose", "perm=0,2,1,3", heads, NULL);
}

// [H, d_h] -> [H, 1, d_h], added to q
static const char *add_bias(const onnx_model *m, int layer, const char *name, const char *q) {
    onnx_graph *g = m->graph;
    const char *bias = onnx_op(g, "Unsqueeze", "", onnx_weight(m, layer, name), ONNX_INTS(g, 1), NULL);
    return onnx_op(g, "Add", "", q, bias, NULL);
}

static const char *attention(const onnx_model *m, const positions *p, int layer, const char *x) {
    onnx_graph *g = m->graph;
    const char *q = split_heads(m, onnx_linear(m, x, layer, "attn.q.weight"));
    const char *k = split_heads(m, onnx_linear(m, x, layer, "attn.k.weight"));
    const char *v = split_heads(m, onnx_linear(m, x, layer, "attn.v.weight"));
    const char *waves = onnx_op(g, "Unsqueeze", "", p->waves, ONNX_INTS(g, 0), NULL);
    const char *position = split_heads(m, onnx_linear(m, waves, layer, "attn.position.weight"));
    const char *content = onnx_op(g, "MatMul", "", add_bias(m, layer, "attn.content_bias", q),
        onnx_op(g, "Transpose", "perm=0,1,3,2", k, NULL), NULL);
    const char *by_distance = onnx_op(g, "MatMul", "", add_bias(m, layer, "attn.position_bias", q),
        onnx_op(g, "Transpose", "perm=0,1,3,2", position, NULL), NULL);
    const char *distance =
        onnx_op(g, "Expand", "", p->distance, onnx_op(g, "Shape", "", by_distance, NULL), NULL);
    const char *relative = onnx_op(g, "GatherElements", "axis=3", by_distance, distance, NULL);
    const char *scores = onnx_op(g, "Mul", "", onnx_op(g, "Add", "", content, relative, NULL),
        onnx_weight(m, layer, "attn.scale"), NULL);
    const char *masked = onnx_op(g, "Where", "", p->visible, scores, onnx_float(g, -3e38f), NULL);
    const char *mixed = onnx_op(g, "MatMul", "", onnx_op(g, "Softmax", "axis=-1", masked, NULL), v, NULL);
    const char *rows = onnx_op(g, "Reshape", "", onnx_op(g, "Transpose", "perm=0,2,1,3", mixed, NULL),
        ONNX_INTS(g, 0, 0, m->config->n_heads * m->config->d_head), NULL);
    return onnx_linear(m, rows, layer, "attn.out.weight");
}

static const char *whole_model(const onnx_model *m) {
    onnx_graph *g = m->graph;
    positions p = make_positions(m);
    const char *x = onnx_op(g, "Gather", "axis=0", onnx_weight(m, -1, "embed.weight"), m->input, NULL);
    for (int i = 0; i < m->config->n_layers; i++) {
        x = onnx_op(g, "Add", "", x, attention(m, &p, i, layer_norm(m, x, i, "attn_norm")), NULL);
        x = onnx_op(g, "Add", "", x, onnx_block(m, i, layer_norm(m, x, i, "ff_norm")), NULL);
    }
    const char *last = onnx_linear(m, layer_norm(m, x, -1, "final_norm"), -1, "head.weight");
    const char *logits = onnx_op(g, "Add", "", last, onnx_weight(m, -1, "head.bias"), NULL);
    return onnx_called(g, "logits", logits);
}

static sigmoe_status write_graph(onnx_model *m, const char *out) {
    static const char *const extents[] = {"batch", "length"};
    onnx_end input = {m->input, ONNX_INT64, 2, {-1, -2}};
    onnx_end output = {whole_model(m), ONNX_FLOAT, 3, {-1, -2, m->config->vocab_size}};
    return onnx_write(m->graph, out, &input, &output, extents);
}

static sigmoe_status write_model(const sigmoe_config *config, transformer *model, const char *out) {
    onnx_model m = {.config = &config->model, .weights = transformer_parameters(model), .input = "input_ids"};
    TRY(arena_create("graph", &m.arena));
    sigmoe_status status = onnx_create(&m.graph);
    if (status == SIGMOE_OK) status = write_graph(&m, out);
    onnx_destroy(m.graph);
    arena_destroy(m.arena);
    return status;
}

sigmoe_status export_onnx(const char *model, const char *out, bool force) {
    char path[PATH_CAPACITY];
    sigmoe_config config;
    transformer *weights;
    TRY(model_read_config(model, &config));
    TRY(onnx_block_check(&config.model));
    TRY(path_parent(out, path));
    if (path_inside(path, model))
        return fail(
            SIGMOE_BAD_ARGUMENT, "the output %s lies in the model's directory: choose another place", out);
    TRY(file_replaceable(out));
    if (path_exists(out) && !force)
        return fail(SIGMOE_BAD_ARGUMENT, "%s exists already: `force` replaces it", out);
    TRY(model_read(model, STORE_VALUES, &config, &weights));
    sigmoe_status status = write_model(&config, weights, out);
    transformer_destroy(weights);
    return status;
}
