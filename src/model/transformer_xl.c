#include "model/transformer_xl.h"

#include "base/clock.h"
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/pointwise/pointwise.h"
#include "model/embedding.h"
#include "model/size.h"
#include "model/transformer_xl_parts.h"

#include <stdio.h>

// What one layer's backward pass needs beyond what its blocks keep.
typedef struct layer_saved {
    matrix input; // [N, d]: what the layer began with, only where all is recomputed
    attention_saved *attention;
    matrix middle;     // [N, d]: after the attention's residual; what LN2 saw
    real *mean, *rstd; // [N]
    void *ff;
} layer_saved;

// One pass over a segment.
typedef struct pass {
    transformer *t;
    step_context *step;
    xl_memory *memory;
    matrix sinusoids;   // [M + T, d]
    matrix x;           // [N, d]: the residual stream, then its gradient
    layer_saved *saved; // [L]; one that is reused when nothing is kept
    real *mean, *rstd;  // [N], final norm
    matrix normed;      // [N, d], an operand: after the final norm and dropout
    bool looks;         // the memory stays as it was
} pass;

static void bind_layer(transformer *t, int i) {
    layer_parts *layer = &t->layers[i];
    char name[64];
    snprintf(name, sizeof name, "layers.%d.attn_norm.weight", i);
    int first = parameters_index(t->parameters, name);
    layer->attention = (attention_layer){&t->config, t->parameters, first, i};
    layer->norm_weight = parameters_at(t->parameters, first + ATTENTION_TENSORS);
    layer->norm_bias = parameters_at(t->parameters, first + ATTENTION_TENSORS + 1);
    layer->ff = (ff_layer){t->config.variant, t->config.ff, model_ff_surroundings(&t->config), i,
        t->parameters, first + ATTENTION_TENSORS + 2};
}

sigmoe_status transformer_create_part(const model_config *config, parameter_storage storage,
    const expert_exchange *experts, transformer **out) {
    TRY(model_config_check(config));
    arena *a;
    TRY(arena_create("model", &a));
    sigmoe_status status;
    transformer *t = NULL;
    TRY_OR(failed, ARENA_NEW(a, t, 1));
    t->memory = a;
    t->config = *config;
    TRY_OR(failed, ARENA_NEW(a, t->layers, config->n_layers));
    TRY_OR(failed, arena_create("position table", &t->tables));
    TRY_OR(failed, parameters_create(&t->parameters));
    TRY_OR(failed, model_declare(config, t->parameters));
    t->experts = experts;
    if (experts) parameters_share_experts(t->parameters, experts->own, experts->parts);
    TRY_OR(failed, parameters_allocate(t->parameters, storage));
    if (storage == STORE_ROUNDED) t->operands = TYPE_BF16;
    for (int i = 0; i < (int)config->n_layers; i++) bind_layer(t, i);
    t->embedding = parameters_find(t->parameters, "embed.weight");
    t->final_weight = parameters_find(t->parameters, "final_norm.weight");
    t->final_bias = parameters_find(t->parameters, "final_norm.bias");
    t->head_weight = parameters_find(t->parameters, "head.weight");
    t->head_bias = parameters_find(t->parameters, "head.bias");
    *out = t;
    return SIGMOE_OK;
failed:
    if (t) {
        parameters_destroy(t->parameters);
        arena_destroy(t->tables);
    }
    arena_destroy(a);
    return status;
}

sigmoe_status transformer_create(const model_config *config, parameter_storage storage, transformer **out) {
    return transformer_create_part(config, storage, NULL, out);
}

void transformer_destroy(transformer *t) {
    if (!t) return;
    parameters_destroy(t->parameters);
    arena_destroy(t->tables);
    arena_destroy(t->memory); // t itself lies in it
}

const model_config *transformer_config(const transformer *t) {
    return &t->config;
}
parameter_list *transformer_parameters(const transformer *t) {
    return t->parameters;
}

bool transformer_is_part(const transformer *t) {
    return t->experts;
}

void transformer_set_operands(transformer *t, dtype operands) {
    t->operands = operands;
}
dtype transformer_operands(const transformer *t) {
    return t->operands;
}

// ---------------------------------------------------------------- forward

static double dropout_rate(const pass *p) {
    return p->step->training ? p->t->config.dropout : 0;
}

static void drop(const pass *p, matrix x, int layer, random_purpose purpose) {
    THREADS_PART(p->step->kernel.threads, "dropout and residual");
    dropout(&p->step->kernel, x, dropout_rate(p), step_random(p->step, layer, purpose),
        (uint64_t)(step_first_token(p->step) * x.cols));
}

// Ends a block: x becomes its output after dropout, plus what the block began with.
static void drop_and_add(const pass *p, matrix x, matrix before, int layer, random_purpose purpose) {
    THREADS_PART(p->step->kernel.threads, "dropout and residual");
    drop(p, x, layer, purpose);
    add_into(&p->step->kernel, x, before);
}

// From p->x to s->middle.
static sigmoe_status forward_attention(pass *p, int i, layer_saved *s) {
    layer_parts *layer = &p->t->layers[i];
    TRY(matrix_new(p->step->activations, TYPE_REAL, p->x.rows, p->x.cols, &s->middle));
    TRY(attention_block_forward(
        &layer->attention, p->step, p->memory, p->sinusoids, p->x, s->middle, &s->attention));
    drop_and_add(p, s->middle, p->x, i, RANDOM_DROPOUT_ATTENTION);
    return SIGMOE_OK;
}

static layer_norm_call ff_norm(const layer_parts *layer, const layer_saved *s) {
    return (layer_norm_call){s->middle, layer->norm_weight->value, layer->norm_bias->value, s->mean, s->rstd};
}

// The feedforward block's input [N, d], in scratch memory: the backward pass recomputes it, so that no layer has to keep it.
static sigmoe_status normalize_middle(const pass *p, int i, const layer_saved *s, matrix *normed) {
    TRY(matrix_new(p->step->kernel.scratch, p->step->operands, s->middle.rows, s->middle.cols, normed));
    layer_norm_call norm = ff_norm(&p->t->layers[i], s);
    return layer_norm_forward(&p->step->kernel, &norm, *normed);
}

// A row with a value that is not finite has no finite mean, and the norms compute the means of all rows: those before the
// feedforward block of layer i, whose input the layer's own input p->x is a part of; or, for i = n_layers, before the output.
static void find_not_finite(pass *p, int i, const real *means) {
    model_place *place = &p->step->not_finite;
    if (place->part != PART_NONE || all_finite(means, p->x.rows)) return;
    bool at_end = i == (int)p->t->config.n_layers, before = at_end;
    for (int64_t r = 0; !before && r < p->x.rows; r++) before = !all_finite(matrix_row(p->x, r), p->x.cols);
    if (!before)
        *place = (model_place){PART_ATTENTION, i};
    else
        *place = i > 0 ? (model_place){PART_FEEDFORWARD, i - 1} : (model_place){PART_EMBEDDING, 0};
}

// From s->middle to p->x.
static sigmoe_status forward_feedforward(pass *p, int i, layer_saved *s) {
    THREADS_PART(p->step->kernel.threads, "feedforward: the rest");
    layer_parts *layer = &p->t->layers[i];
    arena *a = p->step->activations;
    TRY(ARENA_NEW_RAW(a, s->mean, p->x.rows));
    TRY(ARENA_NEW_RAW(a, s->rstd, p->x.rows));
    arena_mark mark = arena_here(p->step->kernel.scratch);
    matrix normed;
    TRY(normalize_middle(p, i, s, &normed));
    if (p->step->keep) find_not_finite(p, i, s->mean);
    double start = seconds_now();
    TRY(layer->ff.variant->forward(&layer->ff, p->step, normed, p->x, &s->ff));
    p->step->ff_seconds += seconds_now() - start;
    arena_release(p->step->kernel.scratch, mark);
    drop_and_add(p, p->x, s->middle, i, RANDOM_DROPOUT_FF);
    return SIGMOE_OK;
}

static void remember(pass *p, int i) {
    xl_memory_remember(&p->step->kernel, p->memory, i, p->x, p->step->length);
}

// Whether the backward pass runs whole layers again. The memory they read must then not advance before that.
static bool repeats_layers(const pass *p) {
    return p->step->keep && p->step->recompute == SIGMOE_RECOMPUTE_ALL;
}

// Leaves in the arena what the backward pass needs, except what it will compute again.
static sigmoe_status forward_layer(pass *p, int i, layer_saved *s) {
    arena *a = p->step->activations;
    if (repeats_layers(p)) {
        TRY(matrix_new(a, TYPE_REAL, p->x.rows, p->x.cols, &s->input));
        copy_into(&p->step->kernel, s->input, p->x);
    }
    arena_mark before_attention = arena_here(a);
    TRY(forward_attention(p, i, s));
    if (!repeats_layers(p) && !p->looks) remember(p, i);
    arena_mark before_feedforward = arena_here(a);
    TRY(forward_feedforward(p, i, s));
    if (!p->step->keep || repeats_layers(p))
        arena_release(a, before_attention);
    else if (p->step->recompute == SIGMOE_RECOMPUTE_FF)
        arena_release(a, before_feedforward);
    return SIGMOE_OK;
}

static sigmoe_status forward_layers(pass *p) {
    for (int i = 0; i < (int)p->t->config.n_layers; i++)
        TRY(forward_layer(p, i, &p->saved[p->step->keep ? i : 0]));
    if (!repeats_layers(p) && !p->looks) xl_memory_advance(p->memory, p->step->length);
    return SIGMOE_OK;
}

static layer_norm_call final_norm(const pass *p) {
    return (layer_norm_call){p->x, p->t->final_weight->value, p->t->final_bias->value, p->mean, p->rstd};
}

static sigmoe_status make_position_table(transformer *t, const step_context *step, int64_t rows) {
    int64_t d = t->config.d_model;
    arena_mark mark = arena_here(step->kernel.scratch);
    t->sinusoids.rows = 0;
    arena_release(t->tables, (arena_mark){0});
    matrix exact, table;
    TRY(matrix_new(step->kernel.scratch, TYPE_REAL, rows, d, &exact));
    TRY(matrix_new(t->tables, step->operands, rows, d, &table));
    attention_sinusoids(exact);
    copy_into(&step->kernel, table, exact);
    t->sinusoids = table;
    arena_release(step->kernel.scratch, mark);
    return SIGMOE_OK;
}

// The table for `rows` distances: the last rows of the longest table made so far.
static sigmoe_status position_table(transformer *t, const step_context *step, int64_t rows, matrix *out) {
    if (t->sinusoids.rows < rows || t->sinusoids.type != step->operands)
        TRY(make_position_table(t, step, rows));
    *out = matrix_part(t->sinusoids, t->sinusoids.rows - rows, rows, 0, t->config.d_model);
    return SIGMOE_OK;
}

// From token ids to the normalized rows that are the output layer's input.
static sigmoe_status forward_pass(pass *p) {
    const model_config *c = &p->t->config;
    step_context *step = p->step;
    arena *a = step->activations;
    int64_t n = step->batch * step->length, d = c->d_model;
    step->regularizer = 0;
    step->not_finite = (model_place){0};
    if (step->operands == TYPE_BF16) TRY(parameters_round(&step->kernel, p->t->parameters));
    TRY(matrix_new(a, TYPE_REAL, n, d, &p->x));
    TRY(position_table(p->t, step, xl_memory_length(p->memory) + step->length, &p->sinusoids));
    TRY(ARENA_NEW(a, p->saved, step->keep ? c->n_layers : 1));
    TRY(ARENA_NEW_RAW(a, p->mean, n));
    TRY(ARENA_NEW_RAW(a, p->rstd, n));
    TRY(matrix_new(a, step->operands, n, d, &p->normed));
    embedding_forward(
        &step->kernel, parameter_matrix(p->t->embedding, p->t->embedding->value), step->tokens, p->x);
    drop(p, p->x, 0, RANDOM_DROPOUT_EMBED);
    TRY(forward_layers(p));
    layer_norm_call norm = final_norm(p);
    TRY(layer_norm_forward(&step->kernel, &norm, p->normed));
    if (step->keep) find_not_finite(p, (int)c->n_layers, p->mean);
    drop(p, p->normed, 0, RANDOM_DROPOUT_FINAL);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- backward, in reverse order

// dx backward through a dropout, as an operand: a copy, so that the residual's own gradient survives; dx itself if there is
// nothing to do.
static sigmoe_status undrop(pass *p, matrix dx, int layer, random_purpose purpose, matrix *dy) {
    THREADS_PART(p->step->kernel.threads, "dropout and residual");
    *dy = dx;
    if (dropout_rate(p) == 0 && p->step->operands == dx.type) return SIGMOE_OK;
    TRY(matrix_new(p->step->kernel.scratch, p->step->operands, dx.rows, dx.cols, dy));
    copy_into(&p->step->kernel, *dy, dx);
    drop(p, *dy, layer, purpose);
    return SIGMOE_OK;
}

static sigmoe_status backward_feedforward(pass *p, int i, matrix dx) {
    THREADS_PART(p->step->kernel.threads, "feedforward: the rest");
    layer_parts *layer = &p->t->layers[i];
    layer_saved *s = &p->saved[i];
    matrix dy, normed, dnormed;
    TRY(undrop(p, dx, i, RANDOM_DROPOUT_FF, &dy));
    TRY(normalize_middle(p, i, s, &normed));
    TRY(step_reach(p->step, PASS_GOES_ON));
    TRY(matrix_new(p->step->kernel.scratch, TYPE_REAL, dx.rows, dx.cols, &dnormed));
    double start = seconds_now();
    TRY(layer->ff.variant->backward(&layer->ff, p->step, s->ff, normed, dy, dnormed));
    p->step->ff_seconds += seconds_now() - start;
    layer_norm_call norm = ff_norm(layer, s);
    return layer_norm_backward(
        &p->step->kernel, &norm, dnormed, dx, layer->norm_weight->gradient, layer->norm_bias->gradient);
}

static sigmoe_status backward_attention(pass *p, int i, matrix dx) {
    matrix dy;
    TRY(undrop(p, dx, i, RANDOM_DROPOUT_ATTENTION, &dy));
    return attention_block_backward(
        &p->t->layers[i].attention, p->step, p->saved[i].attention, p->sinusoids, dy, dx);
}

// Recomputes what the forward pass did not keep: same random numbers, same bits. Works on a copy of the step, so that only the
// time is counted twice, and the whole batch is not asked again.
static sigmoe_status repeat_forward(pass *p, int i) {
    layer_saved *s = &p->saved[i];
    step_context step = *p->step;
    pass again = *p;
    whole_batch whole;
    again.step = &step;
    step.statistics = NULL;
    if (step.whole) {
        whole = *step.whole;
        whole.known = true;
        step.whole = &whole;
    }
    if (repeats_layers(p)) {
        again.x = s->input; // overwritten by the layer's output: nobody needs it after this
        TRY(forward_attention(&again, i, s));
        remember(&again, i);
    } else {
        TRY(matrix_new(step.kernel.scratch, TYPE_REAL, p->x.rows, p->x.cols, &again.x));
    }
    TRY(forward_feedforward(&again, i, s));
    p->step->ff_seconds = step.ff_seconds;
    return SIGMOE_OK;
}

static sigmoe_status backward_layer(pass *p, int i, matrix dx) {
    arena *scratch = p->step->kernel.scratch;
    int first = p->t->layers[i].attention.first;
    arena_mark mark = arena_here(scratch);
    if (p->step->recompute != SIGMOE_RECOMPUTE_NONE) TRY(repeat_forward(p, i));
    arena_release(scratch, mark);
    TRY(backward_feedforward(p, i, dx));
    arena_release(scratch, mark);
    TRY(step_reach(p->step, first + ATTENTION_TENSORS));
    TRY(backward_attention(p, i, dx));
    arena_release(scratch, mark);
    return step_reach(p->step, first);
}

static sigmoe_status backward_layers(pass *p, matrix dx) {
    arena *a = p->step->activations;
    for (int i = (int)p->t->config.n_layers - 1; i >= 0; i--) {
        arena_mark mark = arena_here(a);
        TRY(backward_layer(p, i, dx));
        arena_release(a, mark);
    }
    if (repeats_layers(p)) xl_memory_advance(p->memory, p->step->length);
    return SIGMOE_OK;
}

// dnormed is the gradient at the output layer's input.
static sigmoe_status backward_pass(pass *p, matrix dnormed) {
    transformer *t = p->t;
    const kernel_context *kernel = &p->step->kernel;
    matrix dx;
    TRY(matrix_new(kernel->scratch, TYPE_REAL, dnormed.rows, dnormed.cols, &dx));
    fill(kernel, dx, 0);
    drop(p, dnormed, 0, RANDOM_DROPOUT_FINAL);
    layer_norm_call norm = final_norm(p);
    TRY(layer_norm_backward(kernel, &norm, dnormed, dx, t->final_weight->gradient, t->final_bias->gradient));
    TRY(step_reach(p->step, parameters_index(t->parameters, t->final_weight->name)));
    TRY(backward_layers(p, dx));
    drop(p, dx, 0, RANDOM_DROPOUT_EMBED);
    embedding_backward(kernel, parameter_matrix(t->embedding, t->embedding->gradient), p->step->tokens, dx);
    return step_reach(p->step, 0);
}

// ---------------------------------------------------------------- the two public passes

static sigmoe_status compute_logits(pass *p, matrix logits) {
    TRY(forward_pass(p));
    return dense_gemm(&p->step->kernel, &(gemm_call){.transpose_b = true,
                                            .bias = p->t->head_bias->value,
                                            .a = p->normed,
                                            .b = parameter_operand(p->t->head_weight, p->step->operands),
                                            .c = logits});
}

// Both arenas start with nearly all the memory that the step will take.
static sigmoe_status reserve_memory(const pass *p) {
    const step_context *step = p->step;
    model_memory needed = model_training_memory(&p->t->config, step->batch, step->length,
        xl_memory_length(p->memory), step->recompute, step->operands);
    double most = (double)(SIZE_MAX / 4);
    TRY(arena_reserve(step->activations, (size_t)fmin(1.02 * needed.activations, most)));
    return arena_reserve(step->kernel.scratch, (size_t)fmin(1.02 * needed.scratch, most));
}

static sigmoe_status compute_loss(pass *p, const int32_t *targets, double *nats) {
    if (p->step->keep) TRY(reserve_memory(p));
    TRY(forward_pass(p));
    parameter *w = p->t->head_weight;
    cross_entropy_call call = {
        p->normed, parameter_operand(w, p->step->operands), p->t->head_bias->value, targets, nats};
    if (!p->step->keep) return cross_entropy_forward(&p->step->kernel, &call);
    cross_entropy_gradients g = {.scale = (real)(1.0 / (double)step_all_tokens(p->step, p->normed.rows)),
        .dweight = parameter_matrix(w, w->gradient),
        .dbias = p->t->head_bias->gradient};
    TRY(matrix_new(p->step->kernel.scratch, TYPE_REAL, p->normed.rows, p->normed.cols, &g.dx));
    TRY(cross_entropy_train(&p->step->kernel, &call, &g));
    return backward_pass(p, g.dx);
}

typedef struct step_marks {
    arena_mark activations, scratch;
} step_marks;

static step_marks mark_step(const step_context *step) {
    return (step_marks){arena_here(step->activations), arena_here(step->kernel.scratch)};
}

static void release_step(step_context *step, step_marks marks) {
    arena_release(step->activations, marks.activations);
    arena_release(step->kernel.scratch, marks.scratch);
}

sigmoe_status transformer_logits(transformer *t, step_context *step, xl_memory *memory, matrix logits) {
    pass p = {.t = t, .step = step, .memory = memory};
    step_marks marks = mark_step(step);
    step->operands = t->operands;
    step->experts = t->experts;
    step->keep = false;
    sigmoe_status status = compute_logits(&p, logits);
    release_step(step, marks);
    return status;
}

sigmoe_status transformer_loss(
    transformer *t, step_context *step, xl_memory *memory, const int32_t *targets, double *nats) {
    pass p = {.t = t, .step = step, .memory = memory};
    step_marks marks = mark_step(step);
    step->operands = t->operands;
    step->experts = t->experts;
    sigmoe_status status = compute_loss(&p, targets, nats);
    release_step(step, marks);
    return status;
}

sigmoe_status transformer_sum_routing(transformer *t, step_context *step, xl_memory *memory) {
    pass p = {.t = t, .step = step, .memory = memory, .looks = true};
    step_marks marks = mark_step(step);
    step->operands = t->operands;
    step->experts = t->experts;
    step->keep = false;
    sigmoe_status status = forward_pass(&p);
    release_step(step, marks);
    return status;
}
