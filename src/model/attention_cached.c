#include "model/attention_cached.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/relative_attention/relative_attention.h"

static parameter *tensor(const attention_layer *layer, attention_tensor which) {
    return parameters_at(layer->parameters, layer->first + (int)which);
}

static sigmoe_status project(
    const kernel_context *kernel, const attention_layer *layer, attention_tensor which, matrix x, matrix y) {
    matrix w = parameter_operand(tensor(layer, which), x.type);
    return dense_gemm(kernel, &(gemm_call){.transpose_b = true, .a = x, .b = w, .c = y});
}

// ---------------------------------------------------------------- positions

sigmoe_status position_rings_create(
    const model_config *config, dtype type, int64_t capacity, arena *a, position_rings *out) {
    int64_t inner = config->n_heads * config->d_head, elements;
    if (!size_product(&elements, inner, capacity))
        return fail(SIGMOE_BAD_ARGUMENT, "positions of %lld tokens are too many", (long long)capacity);
    *out = (position_rings){.type = type,
        .layers = config->n_layers,
        .heads = config->n_heads,
        .width = config->d_head,
        .capacity = capacity};
    TRY(ARENA_NEW(a, out->rings, out->layers));
    for (int64_t i = 0; i < out->layers; i++) {
        out->rings[i] = arena_take_raw(a, (size_t)elements, dtype_size(type));
        if (!out->rings[i]) return SIGMOE_NO_MEMORY;
    }
    return SIGMOE_OK;
}

// Distances are projected so many at a time, however many are needed: a product may round otherwise with another number of rows,
// but no bit of a text is to depend on how long others are.
enum { DISTANCES = 64 };

// The sinusoids of the distances from `count` - 1 down to those that are there, [count - distances, d].
static sigmoe_status make_sinusoids(
    const kernel_context *kernel, const position_rings *p, int64_t count, int64_t width, matrix *out) {
    matrix all;
    TRY(matrix_new(kernel->scratch, TYPE_REAL, count, width, &all));
    attention_sinusoids(all);
    return matrix_as(kernel, matrix_part(all, 0, count - p->distances, 0, width), p->type, out);
}

// Of one layer: those from `first` + rows - 1 down to `first`. The ring need not have room for the farthest.
static sigmoe_status project_block(const kernel_context *kernel, const position_rings *p,
    const attention_layer *layer, matrix sinusoids, int64_t first, matrix projected) {
    int64_t beyond = most(first + projected.rows - p->capacity, 0), kept = projected.rows - beyond;
    TRY(project(kernel, layer, ATTENTION_POSITION, sinusoids, projected));
    rings_scatter(p->rings[layer->layer], p->heads, p->capacity, p->capacity - first - kept,
        matrix_part(projected, beyond, kept, 0, projected.cols));
    return SIGMOE_OK;
}

// `count` is a multiple of DISTANCES.
static sigmoe_status project_distances(
    const kernel_context *kernel, position_rings *p, const attention_layer *const *attention, int64_t count) {
    matrix sinusoids, projected;
    TRY(make_sinusoids(kernel, p, count, attention[0]->config->d_model, &sinusoids));
    TRY(matrix_new(kernel->scratch, p->type, DISTANCES, p->heads * p->width, &projected));
    for (int64_t i = 0; i < p->layers; i++)
        for (int64_t row = 0; row < sinusoids.rows; row += DISTANCES) {
            matrix block = matrix_part(sinusoids, row, DISTANCES, 0, sinusoids.cols);
            TRY(project_block(kernel, p, attention[i], block, count - row - DISTANCES, projected));
        }
    p->distances = count;
    return SIGMOE_OK;
}

// Twice as many each time, so that a long text does not compute them one by one.
sigmoe_status position_rings_reach(
    const kernel_context *kernel, position_rings *p, const attention_layer *const *attention, int64_t count) {
    if (count <= p->distances) return SIGMOE_OK;
    int64_t reached = round_up(least(most(count, 2 * p->distances), p->capacity), DISTANCES);
    arena_mark mark = arena_here(kernel->scratch);
    sigmoe_status status = project_distances(kernel, p, attention, reached);
    arena_release(kernel->scratch, mark);
    return status;
}

// ---------------------------------------------------------------- the block

// The projected rows: q, k, v and what the heads make of them, each [n, H * d_h] operands.
typedef struct projected_rows {
    matrix q, k, v, mixed;
} projected_rows;

static sigmoe_status normalize(
    const attention_layer *layer, const step_context *step, matrix x, matrix *normed) {
    arena *a = step->kernel.scratch;
    layer_norm_call norm = {.x = x,
        .weight = tensor(layer, ATTENTION_NORM_WEIGHT)->value,
        .bias = tensor(layer, ATTENTION_NORM_BIAS)->value};
    TRY(matrix_new(a, step->operands, x.rows, x.cols, normed));
    TRY(ARENA_NEW_RAW(a, norm.mean, x.rows));
    TRY(ARENA_NEW_RAW(a, norm.rstd, x.rows));
    return layer_norm_forward(&step->kernel, &norm, *normed);
}

static sigmoe_status take_rows(
    const attention_layer *layer, const step_context *step, int64_t n, projected_rows *rows) {
    arena *a = step->kernel.scratch;
    int64_t inner = layer->config->n_heads * layer->config->d_head;
    TRY(matrix_new(a, step->operands, n, inner, &rows->q));
    TRY(matrix_new(a, step->operands, n, inner, &rows->k));
    TRY(matrix_new(a, step->operands, n, inner, &rows->v));
    return matrix_new(a, step->operands, n, inner, &rows->mixed);
}

// One query of each text.
static sigmoe_status attend_singly(const attention_layer *layer, const step_context *step,
    const cached_pass *pass, matrix normed, projected_rows *rows) {
    const position_rings *p = pass->positions;
    cached_rows *seen;
    TRY(ARENA_NEW_RAW(step->kernel.scratch, seen, pass->texts));
    for (int64_t b = 0; b < pass->texts; b++) {
        int64_t count = text_cache_length(pass->caches[b]) + 1 - pass->first[b];
        seen[b] = text_cache_rows(pass->caches[b], layer->layer, pass->first[b], count);
    }
    const cached_projections projections = {.x = normed,
        .w_q = parameter_operand(tensor(layer, ATTENTION_Q), step->operands),
        .w_k = parameter_operand(tensor(layer, ATTENTION_K), step->operands),
        .w_v = parameter_operand(tensor(layer, ATTENTION_V), step->operands),
        .k = rows->k,
        .v = rows->v};
    const cached_attention_call call = {.texts = pass->texts,
        .heads = p->heads,
        .head_width = p->width,
        .capacity = p->capacity,
        .type = p->type,
        .rows = seen,
        .positions = p->rings[layer->layer],
        .content_bias = tensor(layer, ATTENTION_CONTENT_BIAS)->value,
        .position_bias = tensor(layer, ATTENTION_POSITION_BIAS)->value,
        .scale = tensor(layer, ATTENTION_SCALE)->value[0],
        .q = rows->q,
        .out = rows->mixed};
    return cached_attention_projected(&step->kernel, &call, &projections);
}

// Many queries of one text: as a segment with its memory.
static sigmoe_status attend_together(const attention_layer *layer, const step_context *step,
    const cached_pass *pass, matrix normed, projected_rows *rows) {
    const position_rings *p = pass->positions;
    arena *a = step->kernel.scratch;
    TRY(project(&step->kernel, layer, ATTENTION_Q, normed, rows->q));
    TRY(project(&step->kernel, layer, ATTENTION_K, normed, rows->k));
    TRY(project(&step->kernel, layer, ATTENTION_V, normed, rows->v));
    text_cache_store(pass->caches[0], layer->layer, rows->k, rows->v);
    int64_t n = rows->q.rows, memory = text_cache_length(pass->caches[0]) - pass->first[0];
    attention_call call = {.batch = 1,
        .queries = n,
        .memory = memory,
        .heads = p->heads,
        .head_width = p->width,
        .q = rows->q,
        .k = rows->k,
        .v = rows->v,
        .content_bias = tensor(layer, ATTENTION_CONTENT_BIAS)->value,
        .position_bias = tensor(layer, ATTENTION_POSITION_BIAS)->value,
        .scale = tensor(layer, ATTENTION_SCALE)->value[0],
        .out = rows->mixed};
    TRY(ARENA_NEW_RAW(a, call.logsumexp, p->heads * n));
    TRY(matrix_new(a, p->type, memory + n, rows->q.cols, &call.positions));
    rings_gather(p->rings[layer->layer], p->heads, p->capacity, p->capacity - memory - n, call.positions);
    if (memory > 0) {
        TRY(matrix_new(a, p->type, memory + n, rows->q.cols, &call.k));
        TRY(matrix_new(a, p->type, memory + n, rows->q.cols, &call.v));
        text_cache_gather(pass->caches[0], layer->layer, pass->first[0], call.k, call.v);
    }
    return attention_forward(&step->kernel, &call);
}

static sigmoe_status forward(
    const attention_layer *layer, step_context *step, const cached_pass *pass, matrix x, matrix y) {
    matrix normed;
    projected_rows rows;
    TRY(normalize(layer, step, x, &normed));
    TRY(take_rows(layer, step, x.rows, &rows));
    if (pass->texts == x.rows)
        TRY(attend_singly(layer, step, pass, normed, &rows));
    else
        TRY(attend_together(layer, step, pass, normed, &rows));
    return project(&step->kernel, layer, ATTENTION_OUT, rows.mixed, y);
}

sigmoe_status attention_cached_forward(
    const attention_layer *layer, step_context *step, const cached_pass *pass, matrix x, matrix y) {
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status = forward(layer, step, pass, x, y);
    arena_release(step->kernel.scratch, mark);
    return status;
}
