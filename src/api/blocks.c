// Chapter 3: a feedforward block with its parameters.
#include "api/layer_threads.h"
#include "api/request.h"
#include "base/cpu.h"
#include "config/config_file.h"
#include "kernels/pointwise/pointwise.h"
#include "model/feedforward/statistics.h"
#include "model/size.h"

#include <stdio.h>
#include <string.h>

struct sigmoe_block {
    arena *memory; // this struct
    model_config model;
    ff_layer layer;
    layer_threads threads;
    arena *activations, *scratch;
    arena *counts;             // holds the statistics alone
    ff_statistics *statistics; // NULL: nothing has been counted
    step_context step;         // of the last forward pass
    matrix x;                  // its input, an operand
    void *saved;
    bool awaits_backward;
};

static parameter_list *parameters_of(const sigmoe_block *block) {
    return block->layer.parameters;
}

// ---------------------------------------------------------------- making a block

// Initial values are those of the layer in the whole model, so the block takes its numbers from there.
static sigmoe_status number_parameters(const model_config *model, parameter_list *list) {
    parameter_list *all;
    TRY(parameters_create(&all));
    sigmoe_status status = model_declare(model, all);
    if (status == SIGMOE_OK)
        parameters_number_from(list, parameters_index(all, parameters_at(list, 0)->name));
    parameters_destroy(all);
    return status;
}

static sigmoe_status make_parameters(sigmoe_block *block, uint64_t seed) {
    ff_layer *layer = &block->layer;
    kernel_context kernel = {.scratch = block->scratch};
    TRY(parameters_create(&layer->parameters));
    TRY(layer->variant->declare(&layer->options, &layer->around, layer->layer, layer->parameters));
    TRY(number_parameters(&block->model, layer->parameters));
    TRY(parameters_allocate(layer->parameters, STORE_GRADIENTS));
    TRY(layer_threads_begin(&block->threads, &kernel.threads));
    parameters_initialize(&kernel, layer->parameters, seed);
    layer_threads_end(&block->threads);
    return SIGMOE_OK;
}

static sigmoe_status fill_block(sigmoe_block *block, uint64_t seed) {
    TRY(layer_threads_open(&block->threads));
    TRY(arena_create("activations", &block->activations));
    TRY(arena_create("scratch", &block->scratch));
    TRY(arena_create("statistics", &block->counts));
    return make_parameters(block, seed);
}

static sigmoe_status check_block(const sigmoe_config *config, int64_t layer, sigmoe_dtype type) {
    if (!config) return fail(SIGMOE_BAD_ARGUMENT, "the block's configuration is NULL");
    TRY(model_config_check(&config->model));
    if (layer < 0 || layer >= config->model.n_layers)
        return fail(SIGMOE_BAD_ARGUMENT, "`layer` is %lld; n_layers is %lld, so that it can be 0 to %lld",
            (long long)layer, (long long)config->model.n_layers, (long long)config->model.n_layers - 1);
    if (type != SIGMOE_F32 && type != SIGMOE_BF16)
        return fail(SIGMOE_BAD_ARGUMENT, "`dtype` is %d: choose SIGMOE_F32 or SIGMOE_BF16", (int)type);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_block_create(
    const sigmoe_config *config, int64_t layer, uint64_t seed, sigmoe_dtype type, sigmoe_block **out) {
    arena *memory;
    sigmoe_block *block;
    TRY(cpu_init());
    TRY(check_block(config, layer, type));
    TRY(ARENA_AROUND("block", memory, block));
    block->memory = memory;
    block->model = config->model;
    block->layer = (ff_layer){.variant = config->model.variant,
        .options = config->model.ff,
        .around = model_ff_surroundings(&config->model),
        .layer = (int)layer};
    block->step = (step_context){.operands = operand_type(type), .seed = seed};
    sigmoe_status status = fill_block(block, seed);
    if (status == SIGMOE_OK)
        *out = block;
    else
        sigmoe_block_free(block);
    return status;
}

void sigmoe_block_free(sigmoe_block *block) {
    if (!block) return;
    parameters_destroy(parameters_of(block));
    layer_threads_close(&block->threads);
    arena_destroy(block->activations);
    arena_destroy(block->scratch);
    arena_destroy(block->counts);
    arena_destroy(block->memory); // the block itself lies in it
}

// ---------------------------------------------------------------- parameters

bool sigmoe_block_parameter(sigmoe_block *block, int index, sigmoe_parameter *out) {
    if (index < 0 || index >= parameters_length(parameters_of(block))) return false;
    const parameter *p = parameters_at(parameters_of(block), index);
    *out = (sigmoe_parameter){.name = p->name,
        .dims = p->dims,
        .count = p->count,
        .value = p->value,
        .gradient = p->gradient,
        .table = p->table};
    memcpy(out->shape, p->shape, sizeof out->shape);
    return true;
}

bool sigmoe_block_parameter_named(sigmoe_block *block, const char *name, sigmoe_parameter *out) {
    char prefix[64];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "layers.%d.ff.", block->layer.layer);
    for (int i = 0; sigmoe_block_parameter(block, i, out); i++)
        if (strcmp(out->name, name) == 0 || strcmp(out->name + length, name) == 0) return true;
    return false;
}

void sigmoe_block_clear_gradients(sigmoe_block *block) {
    parameter_list *list = parameters_of(block);
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        if (p->trainable) memset(p->gradient, 0, (size_t)p->count * sizeof *p->gradient);
    }
}

// ---------------------------------------------------------------- forward

void sigmoe_block_call_defaults_sized(sigmoe_block_call *call, size_t size) {
    sized_fill(call, size, &(sigmoe_block_call){0}, sizeof *call);
}

static sigmoe_status check_ids(const sigmoe_block *block, const sigmoe_block_call *call) {
    int64_t vocabulary = block->model.vocab_size;
    for (int64_t t = 0; call->ids && t < call->tokens; t++)
        if (call->ids[t] < 0 || call->ids[t] >= vocabulary)
            return fail(SIGMOE_BAD_ARGUMENT,
                "`ids` has %d at position %lld; vocab_size is %lld, so that it can be 0 to %lld",
                (int)call->ids[t], (long long)t, (long long)vocabulary, (long long)vocabulary - 1);
    return SIGMOE_OK;
}

static sigmoe_status check_call(const sigmoe_block *block, const sigmoe_block_call *call, const real *y) {
    int64_t elements, d = block->model.d_model;
    if (call->tokens < 1 || !size_product(&elements, call->tokens, d))
        return fail(SIGMOE_BAD_ARGUMENT, "`tokens` is %lld: a block takes 1 or more, as many as memory holds",
            (long long)call->tokens);
    if (!call->x)
        return fail(SIGMOE_BAD_ARGUMENT, "`x` is NULL: it is the block's input [%lld, %lld]",
            (long long)call->tokens, (long long)d);
    if (!y) return fail(SIGMOE_BAD_ARGUMENT, "`y` is NULL: it is where the block's output goes");
    return check_ids(block, call);
}

// `x`, f32, as an operand of products.
static sigmoe_status as_operand(const step_context *step, arena *home, matrix x, matrix *out) {
    *out = x;
    if (step->operands == TYPE_REAL) return SIGMOE_OK;
    TRY(matrix_new(home, step->operands, x.rows, x.cols, out));
    copy_into(&step->kernel, *out, x);
    return SIGMOE_OK;
}

static sigmoe_status new_statistics(sigmoe_block *block) {
    block->statistics = NULL;
    arena_release(block->counts, (arena_mark){0});
    TRY(ff_statistics_create(
        block->counts, block->layer.variant, &block->layer.options, 1, FF_TOTALS, &block->step.statistics));
    block->step.statistics->first_layer = block->layer.layer;
    return SIGMOE_OK;
}

// Nothing of the pass before is left.
static void begin_step(sigmoe_block *block, const sigmoe_block_call *call) {
    block->awaits_backward = false;
    arena_release(block->activations, (arena_mark){0});
    arena_release(block->scratch, (arena_mark){0});
    block->step = (step_context){.kernel = {block->step.kernel.threads, block->scratch},
        .activations = block->activations,
        .operands = block->step.operands,
        .training = call->training,
        .keep = call->keep,
        .seed = block->step.seed,
        .step = call->step,
        .tokens = call->ids,
        .batch = 1,
        .length = call->tokens};
}

static sigmoe_status run_forward(sigmoe_block *block, const sigmoe_block_call *call, real *y) {
    int64_t d = block->model.d_model;
    step_context *step = &block->step;
    matrix x = matrix_of((real *)call->x, call->tokens, d);
    begin_step(block, call);
    if (call->count_statistics) TRY(new_statistics(block));
    if (step->operands == TYPE_BF16) {
        parameters_changed(parameters_of(block)); // the caller may have written values
        TRY(parameters_round(&step->kernel, parameters_of(block)));
    }
    TRY(as_operand(step, block->activations, x, &block->x));
    TRY(block->layer.variant->forward(
        &block->layer, step, block->x, matrix_of(y, call->tokens, d), &block->saved));
    if (call->count_statistics) block->statistics = step->statistics;
    block->awaits_backward = call->keep;
    return SIGMOE_OK;
}

sigmoe_status sigmoe_block_forward(sigmoe_block *block, const sigmoe_block_call *given, sigmoe_real *y) {
    sigmoe_block_call call;
    TRY(sized_read(&call, sizeof call, given, "call struct", "sigmoe_block_call_defaults"));
    TRY(check_call(block, &call, y));
    TRY(layer_threads_begin(&block->threads, &block->step.kernel.threads));
    sigmoe_status status = run_forward(block, &call, y);
    layer_threads_end(&block->threads);
    return status;
}

// ---------------------------------------------------------------- backward

static sigmoe_status run_backward(sigmoe_block *block, const real *dy, real *dx) {
    int64_t tokens = block->x.rows, d = block->model.d_model;
    arena_mark mark = arena_here(block->scratch);
    matrix given = matrix_of((real *)dy, tokens, d), operand;
    sigmoe_status status;
    TRY_OR(done, as_operand(&block->step, block->scratch, given, &operand));
    TRY_OR(done, block->layer.variant->backward(
                     &block->layer, &block->step, block->saved, block->x, operand, matrix_of(dx, tokens, d)));
done:
    arena_release(block->scratch, mark);
    return status;
}

sigmoe_status sigmoe_block_backward(sigmoe_block *block, const sigmoe_real *dy, sigmoe_real *dx) {
    if (!block->awaits_backward)
        return fail(SIGMOE_BAD_ARGUMENT, "there is nothing to go backward from: call sigmoe_block_forward "
                                         "with `keep` first, and each time");
    if (!dy || !dx)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`%s` is NULL: the backward pass needs both gradients", dy ? "dx" : "dy");
    TRY(layer_threads_begin(&block->threads, &block->step.kernel.threads));
    block->awaits_backward = false;
    sigmoe_status status = run_backward(block, dy, dx);
    layer_threads_end(&block->threads);
    return status;
}

// ---------------------------------------------------------------- what happened

double sigmoe_block_regularizer(const sigmoe_block *block) {
    return block->step.regularizer;
}

void sigmoe_block_statistics(const sigmoe_block *block, sigmoe_statistics *out) {
    const ff_statistics *s = block->statistics;
    *out = (sigmoe_statistics){0};
    if (!s) return;
    const ff_layer_statistics *counts = s->layer;
    *out = (sigmoe_statistics){.tokens = counts->tokens,
        .channels = s->channels,
        .active = counts->active / (double)counts->tokens,
        .experts = s->experts,
        .chosen = counts->chosen,
        .weight = counts->weight};
}
