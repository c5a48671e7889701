#include "model/attention.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/relative_attention/relative_attention.h"
#include "model/xl_memory.h"

#include <stdio.h>
#include <string.h>

struct attention_saved {
    int64_t memory;    // M of this segment
    matrix joined;     // [R, d]: [memory; x], what LN1 saw
    real *mean, *rstd; // [R]
    matrix q, k, v;    // [N, H·d_h], [R, H·d_h]
    matrix positions;  // [M + T, H·d_h]
    matrix mixed;      // [N, H·d_h]: the heads' outputs
    real *logsumexp;   // [B, H, T]
};

sigmoe_status attention_declare(const model_config *config, int layer, parameter_list *list) {
    int64_t d = config->d_model, h = config->n_heads, w = config->d_head, inner;
    if (!size_product(&inner, h, w)) return fail(SIGMOE_BAD_ARGUMENT, "n_heads x d_head is too large");
    double in_std = sqrt(2.0 / ((double)config->n_layers * (double)d));
    double out_std = sqrt(2.0 / ((double)config->n_layers * (double)inner));
    struct {
        const char *name;
        int dims;
        int64_t rows, cols;
        init_kind init;
        double scale;
    } tensors[ATTENTION_TENSORS] = {
        [ATTENTION_NORM_WEIGHT] = {"attn_norm.weight", 1, d, 0, INIT_ONE, 0},
        [ATTENTION_NORM_BIAS] = {"attn_norm.bias", 1, d, 0, INIT_ZERO, 0},
        [ATTENTION_Q] = {"attn.q.weight", 2, inner, d, INIT_TRUNCATED, in_std},
        [ATTENTION_K] = {"attn.k.weight", 2, inner, d, INIT_TRUNCATED, in_std},
        [ATTENTION_V] = {"attn.v.weight", 2, inner, d, INIT_TRUNCATED, in_std},
        [ATTENTION_POSITION] = {"attn.position.weight", 2, inner, d, INIT_TRUNCATED, in_std},
        [ATTENTION_OUT] = {"attn.out.weight", 2, d, inner, INIT_TRUNCATED, out_std},
        [ATTENTION_CONTENT_BIAS] = {"attn.content_bias", 2, h, w, INIT_ZERO, 0},
        [ATTENTION_POSITION_BIAS] = {"attn.position_bias", 2, h, w, INIT_ZERO, 0},
        [ATTENTION_SCALE] = {"attn.scale", 1, 1, 0, INIT_CONSTANT, 1.0 / sqrt((double)w)},
    };
    for (int i = 0; i < ATTENTION_TENSORS; i++) {
        char name[64];
        snprintf(name, sizeof name, "layers.%d.%s", layer, tensors[i].name);
        TRY(parameters_declare(list,
            &(parameter_declaration){.name = name,
                .dims = tensors[i].dims,
                .shape = {tensors[i].rows, tensors[i].cols},
                .init = tensors[i].init,
                .init_scale = tensors[i].scale,
                .product = tensors[i].init == INIT_TRUNCATED,
                .large = tensors[i].init == INIT_TRUNCATED},
            NULL));
    }
    return SIGMOE_OK;
}

static parameter *tensor(const attention_layer *layer, attention_tensor which) {
    return parameters_at(layer->parameters, layer->first + (int)which);
}

static matrix weight(const attention_layer *layer, const step_context *step, attention_tensor which) {
    return parameter_operand(tensor(layer, which), step->operands);
}

static matrix gradient(const attention_layer *layer, attention_tensor which) {
    parameter *p = tensor(layer, which);
    return parameter_matrix(p, p->gradient);
}

void attention_sinusoids(matrix sinusoids) {
    for (int64_t c = 0; c < sinusoids.cols; c++) {
        double frequency = pow(10000.0, -2.0 * (double)(c / 2) / (double)sinusoids.cols);
        real *column = matrix_real(sinusoids) + c;
        for (int64_t r = 0; r < sinusoids.rows; r++) {
            double angle = (double)(r - (sinusoids.rows - 1)) * frequency;
            column[r * sinusoids.stride] = (real)(c % 2 ? cos(angle) : sin(angle));
        }
    }
}

// The segment's own rows as a part of [memory; x]: the last T rows of each sequence.
typedef struct segment_rows {
    matrix joined, x;
    int64_t memory, length;
    bool into_joined;
} segment_rows;

static void copy_segment_rows(void *context, int64_t b, int thread) {
    (void)thread;
    const segment_rows *c = context;
    void *joined = matrix_row(c->joined, b * (c->memory + c->length) + c->memory);
    void *x = matrix_row(c->x, b * c->length);
    size_t bytes = (size_t)(c->length * c->x.cols) * dtype_size(c->x.type);
    memcpy(c->into_joined ? joined : x, c->into_joined ? x : joined, bytes);
}

static attention_call make_call(const attention_layer *layer, const step_context *step, attention_saved *s) {
    return (attention_call){.batch = step->batch,
        .queries = step->length,
        .memory = s->memory,
        .heads = layer->config->n_heads,
        .head_width = layer->config->d_head,
        .q = s->q,
        .k = s->k,
        .v = s->v,
        .positions = s->positions,
        .content_bias = tensor(layer, ATTENTION_CONTENT_BIAS)->value,
        .position_bias = tensor(layer, ATTENTION_POSITION_BIAS)->value,
        .scale = tensor(layer, ATTENTION_SCALE)->value[0],
        .out = s->mixed,
        .logsumexp = s->logsumexp};
}

static sigmoe_status allocate_saved(
    const attention_layer *layer, step_context *step, int64_t memory, attention_saved **out) {
    arena *a = step->activations;
    int64_t n = step->batch * step->length, r = step->batch * (memory + step->length);
    int64_t d = layer->config->d_model, inner = layer->config->n_heads * layer->config->d_head;
    attention_saved *s;
    TRY(ARENA_NEW(a, s, 1));
    s->memory = memory;
    TRY(matrix_new(a, TYPE_REAL, r, d, &s->joined));
    TRY(ARENA_NEW_RAW(a, s->mean, r));
    TRY(ARENA_NEW_RAW(a, s->rstd, r));
    TRY(matrix_new(a, step->operands, n, inner, &s->q));
    TRY(matrix_new(a, step->operands, r, inner, &s->k));
    TRY(matrix_new(a, step->operands, r, inner, &s->v));
    TRY(matrix_new(a, step->operands, memory + step->length, inner, &s->positions));
    TRY(matrix_new(a, step->operands, n, inner, &s->mixed));
    TRY(ARENA_NEW_RAW(a, s->logsumexp, n * layer->config->n_heads));
    *out = s;
    return SIGMOE_OK;
}

double attention_saved_bytes(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands) {
    double n = (double)(batch * length), r = (double)(batch * (memory + length)), d = (double)config->d_model;
    double inner = (double)(config->n_heads * config->d_head);
    double of_operands = 2 * n * inner + 2 * r * inner + (double)(memory + length) * inner;
    return of_operands * (double)dtype_size(operands) +
           (r * d + 2 * r + n * (double)config->n_heads) * sizeof(real);
}

double attention_scratch_bytes(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands) {
    double n = (double)(batch * length), r = (double)(batch * (memory + length)), d = (double)config->d_model;
    double inner = (double)(config->n_heads * config->d_head);
    double of_kernel = 2 * n * inner + 2 * r * inner + (double)(memory + length) * inner;
    double normed = r * d + (memory ? n * d : 0);
    double of_norm = memory ? 2 * r * d + n * d : r * d;
    int64_t rows = batch * (memory + length), inner_width = config->n_heads * config->d_head;
    gemm_call weight_gradient = {.transpose_a = true,
        .accumulate = true,
        .a = {NULL, operands, rows, inner_width, inner_width, NULL},
        .b = {NULL, operands, rows, config->d_model, config->d_model, NULL},
        .c = {NULL, TYPE_REAL, inner_width, config->d_model, config->d_model, NULL}};
    return (of_kernel + normed) * (double)dtype_size(operands) + of_norm * sizeof(real) +
           dense_gemm_scratch_bytes(&weight_gradient);
}

// y = x · Wᵀ
static sigmoe_status project(const step_context *step, matrix x, matrix w, matrix y) {
    THREADS_PART(step->kernel.threads, "attention: projections");
    return dense_gemm(&step->kernel, &(gemm_call){.transpose_b = true, .a = x, .b = w, .c = y});
}

// LN1's output, in scratch memory: the backward pass recomputes it, so that no layer has to keep it.
typedef struct normed_rows {
    matrix all; // [R, d]: source of keys and values
    matrix own; // [N, d]: source of queries, without memory rows
} normed_rows;

static sigmoe_status normalize(
    const attention_layer *layer, const step_context *step, const attention_saved *s, normed_rows *normed) {
    arena *a = step->kernel.scratch;
    TRY(matrix_new(a, step->operands, s->joined.rows, s->joined.cols, &normed->all));
    layer_norm_call norm = {s->joined, tensor(layer, ATTENTION_NORM_WEIGHT)->value,
        tensor(layer, ATTENTION_NORM_BIAS)->value, s->mean, s->rstd};
    TRY(layer_norm_forward(&step->kernel, &norm, normed->all));
    normed->own = normed->all;
    if (!s->memory) return SIGMOE_OK;
    TRY(matrix_new(a, step->operands, s->q.rows, s->joined.cols, &normed->own));
    segment_rows rows = {normed->all, normed->own, s->memory, step->length, false};
    parallel_for(step->kernel.threads, step->batch, copy_segment_rows, &rows);
    return SIGMOE_OK;
}

static sigmoe_status make_operands(
    const attention_layer *layer, const step_context *step, matrix sinusoids, attention_saved *s) {
    normed_rows normed;
    TRY(normalize(layer, step, s, &normed));
    TRY(project(step, normed.own, weight(layer, step, ATTENTION_Q), s->q));
    TRY(project(step, normed.all, weight(layer, step, ATTENTION_K), s->k));
    TRY(project(step, normed.all, weight(layer, step, ATTENTION_V), s->v));
    return project(step, sinusoids, weight(layer, step, ATTENTION_POSITION), s->positions);
}

sigmoe_status attention_block_forward(const attention_layer *layer, step_context *step,
    const xl_memory *memory, matrix sinusoids, matrix x, matrix y, attention_saved **saved) {
    THREADS_PART(step->kernel.threads, "attention: the rest");
    attention_saved *s;
    TRY(allocate_saved(layer, step, xl_memory_length(memory), &s));
    xl_memory_join(&step->kernel, memory, layer->layer, x, step->length, s->joined);
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status = make_operands(layer, step, sinusoids, s);
    arena_release(step->kernel.scratch, mark);
    TRY(status);
    attention_call call = make_call(layer, step, s);
    TRY(attention_forward(&step->kernel, &call));
    *saved = s;
    return project(step, s->mixed, weight(layer, step, ATTENTION_OUT), y);
}

// dw += dyᵀ · x
static sigmoe_status add_weight_gradient(const step_context *step, matrix dy, matrix x, matrix dw) {
    THREADS_PART(step->kernel.threads, "attention: projections, backward");
    TRY(step_reach(step, PASS_GOES_ON));
    return dense_gemm(
        &step->kernel, &(gemm_call){.transpose_a = true, .accumulate = true, .a = dy, .b = x, .c = dw});
}

// dx (+)= dy · w
static sigmoe_status back_project(const step_context *step, matrix dy, matrix w, matrix dx, bool accumulate) {
    THREADS_PART(step->kernel.threads, "attention: projections, backward");
    TRY(step_reach(step, PASS_GOES_ON));
    return dense_gemm(&step->kernel, &(gemm_call){.accumulate = accumulate, .a = dy, .b = w, .c = dx});
}

// Backward through the kernel: from dmixed to the gradients of its inputs and scalars.
static sigmoe_status backward_kernel(const attention_layer *layer, step_context *step, attention_saved *s,
    matrix dmixed, attention_gradients *g) {
    arena *a = step->kernel.scratch;
    g->dout = dmixed;
    TRY(matrix_new(a, step->operands, s->q.rows, s->q.cols, &g->dq));
    TRY(matrix_new(a, step->operands, s->k.rows, s->k.cols, &g->dk));
    TRY(matrix_new(a, step->operands, s->v.rows, s->v.cols, &g->dv));
    TRY(matrix_new(a, step->operands, s->positions.rows, s->positions.cols, &g->dpositions));
    g->dcontent_bias = tensor(layer, ATTENTION_CONTENT_BIAS)->gradient;
    g->dposition_bias = tensor(layer, ATTENTION_POSITION_BIAS)->gradient;
    g->dscale = tensor(layer, ATTENTION_SCALE)->gradient;
    attention_call call = make_call(layer, step, s);
    return attention_backward(&step->kernel, &call, g);
}

// Backward through LN1. dx already holds the residual's gradient. The memory's rows are constants, but they do contribute to
// the gradients of the norm's weights.
static sigmoe_status backward_norm(
    const attention_layer *layer, step_context *step, attention_saved *s, matrix dnormed, matrix dx) {
    matrix djoined = dx;
    segment_rows rows = {.x = dx, .memory = s->memory, .length = step->length, .into_joined = true};
    if (s->memory) {
        TRY(matrix_new(step->kernel.scratch, TYPE_REAL, s->joined.rows, s->joined.cols, &djoined));
        fill(&step->kernel, djoined, 0);
        rows.joined = djoined;
        parallel_for(step->kernel.threads, step->batch, copy_segment_rows, &rows);
    }
    layer_norm_call norm = {s->joined, tensor(layer, ATTENTION_NORM_WEIGHT)->value,
        tensor(layer, ATTENTION_NORM_BIAS)->value, s->mean, s->rstd};
    TRY(layer_norm_backward(&step->kernel, &norm, dnormed, djoined,
        tensor(layer, ATTENTION_NORM_WEIGHT)->gradient, tensor(layer, ATTENTION_NORM_BIAS)->gradient));
    if (s->memory) {
        rows.into_joined = false;
        parallel_for(step->kernel.threads, step->batch, copy_segment_rows, &rows);
    }
    return SIGMOE_OK;
}

static sigmoe_status backward(const attention_layer *layer, step_context *step, attention_saved *s,
    matrix sinusoids, matrix dy, matrix dx) {
    arena *a = step->kernel.scratch;
    matrix dmixed, dnormed;
    normed_rows normed;
    attention_gradients g;
    TRY(matrix_new(a, step->operands, s->mixed.rows, s->mixed.cols, &dmixed));
    TRY(back_project(step, dy, weight(layer, step, ATTENTION_OUT), dmixed, false));
    TRY(add_weight_gradient(step, dy, s->mixed, gradient(layer, ATTENTION_OUT)));
    TRY(backward_kernel(layer, step, s, dmixed, &g));
    TRY(normalize(layer, step, s, &normed));
    TRY(add_weight_gradient(step, g.dq, normed.own, gradient(layer, ATTENTION_Q)));
    TRY(add_weight_gradient(step, g.dk, normed.all, gradient(layer, ATTENTION_K)));
    TRY(add_weight_gradient(step, g.dv, normed.all, gradient(layer, ATTENTION_V)));
    TRY(add_weight_gradient(step, g.dpositions, sinusoids, gradient(layer, ATTENTION_POSITION)));
    TRY(matrix_new(a, TYPE_REAL, s->joined.rows, s->joined.cols, &dnormed));
    TRY(back_project(step, g.dk, weight(layer, step, ATTENTION_K), dnormed, false));
    TRY(back_project(step, g.dv, weight(layer, step, ATTENTION_V), dnormed, true));
    if (!s->memory) {
        TRY(back_project(step, g.dq, weight(layer, step, ATTENTION_Q), dnormed, true));
    } else {
        // Only the segment's own rows, the last T of each sequence, have queries.
        matrix dnormed_own;
        TRY(matrix_new(a, TYPE_REAL, s->q.rows, s->joined.cols, &dnormed_own));
        TRY(back_project(step, g.dq, weight(layer, step, ATTENTION_Q), dnormed_own, false));
        int64_t t = step->length, d = layer->config->d_model;
        for (int64_t b = 0; b < step->batch; b++)
            add_into(&step->kernel, matrix_part(dnormed, b * (s->memory + t) + s->memory, t, 0, d),
                matrix_part(dnormed_own, b * t, t, 0, d));
    }
    return backward_norm(layer, step, s, dnormed, dx);
}

sigmoe_status attention_block_backward(const attention_layer *layer, step_context *step,
    attention_saved *saved, matrix sinusoids, matrix dy, matrix dx) {
    THREADS_PART(step->kernel.threads, "attention: the rest");
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status = backward(layer, step, saved, sinusoids, dy, dx);
    arena_release(step->kernel.scratch, mark);
    return status;
}
