#include "bench/layer.h"

#include "base/memory_limit.h"
#include "bench/bench.h"
#include "kernels/peak/peak.h"
#include "model/config.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"
#include "system/file.h"
#include "system/trace.h"

#include <stdio.h>

// A single block, between its input and its output gradient.
typedef struct lone_layer {
    ff_layer layer;
    workspace *work;
    arena *a;
    int32_t *tokens;     // [T], zeros
    matrix x, y, dy, dx; // [T, d]; x and dy are operands
} lone_layer;

typedef struct layer_times {
    double forward_ms, backward_ms, total_ms; // medians
    double peak_bytes;
} layer_times;

// The block, its input and output and their gradients, and what it keeps, with its gradient.
static sigmoe_status check_memory(const lone_layer *l, int64_t tokens, dtype operands) {
    const ff_layer *layer = &l->layer;
    char what[96];
    double weights =
        (double)parameters_count(layer->parameters) * (2 * sizeof(real) + 2 * (operands == TYPE_BF16));
    double kept = layer->variant->saved_bytes(&layer->options, &layer->around, operands);
    double row = 4 * (double)layer->around.d_model * sizeof(real) + 2 * kept;
    snprintf(what, sizeof what, "a %s block at %lld tokens", layer->variant->name, (long long)tokens);
    return memory_check(&(memory_need){weights + (double)tokens * row, what, "a block of fewer `tokens`"});
}

static sigmoe_status build_layer(lone_layer *l, int64_t tokens, sigmoe_dtype operands) {
    const ff_surroundings *around = &l->layer.around;
    TRY(l->layer.variant->check(&l->layer.options, around));
    TRY(l->layer.variant->declare(&l->layer.options, around, 0, l->layer.parameters));
    TRY(check_memory(l, tokens, operand_type(operands)));
    TRY(parameters_allocate(l->layer.parameters, STORE_GRADIENTS));
    parameters_initialize(&l->work->kernel, l->layer.parameters, 0);
    if (operands == SIGMOE_BF16) TRY(parameters_round(&l->work->kernel, l->layer.parameters));
    TRY(bench_operand(l->a, operands, tokens, around->d_model, 0, &l->x));
    TRY(bench_operand(l->a, operands, tokens, around->d_model, 1, &l->dy));
    TRY(matrix_new(l->a, TYPE_REAL, tokens, around->d_model, &l->y));
    TRY(matrix_new(l->a, TYPE_REAL, tokens, around->d_model, &l->dx));
    return ARENA_NEW(l->a, l->tokens, tokens);
}

static sigmoe_status pass_once(lone_layer *l, double *forward_ms, double *backward_ms) {
    step_context step = {.kernel = l->work->kernel,
        .activations = l->work->activations,
        .operands = l->x.type,
        .training = true,
        .keep = true,
        .tokens = l->tokens,
        .batch = 1,
        .length = l->x.rows};
    void *saved;
    arena_mark mark = arena_here(step.activations);
    double start = seconds_now();
    sigmoe_status status = l->layer.variant->forward(&l->layer, &step, l->x, l->y, &saved);
    double middle = seconds_now();
    if (status == SIGMOE_OK) status = l->layer.variant->backward(&l->layer, &step, saved, l->x, l->dy, l->dx);
    double end = seconds_now();
    arena_release(step.activations, mark);
    *forward_ms = (middle - start) * 1e3;
    *backward_ms = (end - middle) * 1e3;
    return status;
}

static sigmoe_status time_passes(lone_layer *l, int repetitions, layer_times *times) {
    double *forward, *backward, *total, unused_forward, unused_backward;
    TRY(ARENA_NEW(l->a, forward, repetitions));
    TRY(ARENA_NEW(l->a, backward, repetitions));
    TRY(ARENA_NEW(l->a, total, repetitions));
    for (int i = 0; i < BENCH_WARM_UPS; i++) TRY(pass_once(l, &unused_forward, &unused_backward));
    for (int i = 0; i < repetitions; i++) {
        TRY(pass_once(l, &forward[i], &backward[i]));
        total[i] = forward[i] + backward[i];
    }
    *times = (layer_times){bench_median(forward, repetitions), bench_median(backward, repetitions),
        bench_median(total, repetitions),
        (double)(arena_peak_bytes(l->work->activations) + arena_peak_bytes(l->work->kernel.scratch))};
    return SIGMOE_OK;
}

// One more pass, which nobody times.
static sigmoe_status trace_pass(lone_layer *l, const char *path) {
    threads *pool = l->work->kernel.threads;
    timeline *t;
    double forward, backward;
    TRY(timeline_create(threads_count(pool), &t));
    timeline_begin(t, "layer");
    threads_watch(pool, t);
    sigmoe_status status = pass_once(l, &forward, &backward);
    threads_watch(pool, NULL);
    timeline_turn_to(t, "layer");
    if (status == SIGMOE_OK) status = trace_write(t, NULL, 0, path);
    timeline_destroy(t);
    return status;
}

// `trace` may be NULL.
static sigmoe_status time_layer(const sigmoe_bench_layer_request *r, const char *variant,
    const ff_options *options, const char *trace, layer_times *times) {
    workspace work = {0};
    lone_layer l = {.work = &work,
        .layer = {.variant = ff_variant_named(variant),
            .options = *options,
            .around = {.d_model = r->d_model, .n_layers = 1, .vocab_size = 1}}};
    sigmoe_status status = workspace_open(r->threads, &work);
    if (status == SIGMOE_OK) status = arena_create("layer", &l.a);
    if (status == SIGMOE_OK) status = parameters_create(&l.layer.parameters);
    if (status == SIGMOE_OK) status = build_layer(&l, r->tokens, r->dtype);
    if (status == SIGMOE_OK) status = time_passes(&l, r->repetitions, times);
    if (status == SIGMOE_OK && trace) status = trace_pass(&l, trace);
    parameters_destroy(l.layer.parameters);
    arena_destroy(l.a);
    workspace_close(&work);
    return status;
}

// In 1e9 operations per second: forward and backward with `multiply_adds` per token, in `ms`.
static double rate(double multiply_adds, int64_t tokens, double ms) {
    return 2 * 3 * multiply_adds * (double)tokens / (ms * 1e6);
}

static sigmoe_status measure_peak(int thread_count, dtype operands, double reached, double *gflops) {
    workspace work;
    TRY(workspace_open(thread_count, &work));
    *gflops = peak_gflops_beyond(work.kernel.threads, operands, reached);
    workspace_close(&work);
    return SIGMOE_OK;
}

sigmoe_status bench_layer(const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result) {
    const sigmoe_bench_layer_request *r = request;
    layer_times sparse, dense;
    const bench_size sizes[] = {{"d_model", r->d_model}, {"experts", r->experts},
        {"expert_size", r->expert_size}, {"k", r->k}, {"tokens", r->tokens}, {"repetitions", r->repetitions}};
    TRY(bench_check(sizes, sizeof sizes / sizeof *sizes));
    int64_t channels;
    if (!size_product(&channels, r->experts, r->expert_size))
        return fail(SIGMOE_BAD_ARGUMENT, "experts x expert_size is too large");
    if (r->trace) TRY(file_replaceable(r->trace));

    ff_options options = {0}, as_dense = {.dense = {.d_ff = channels}};
    option_defaults(ff_variant_named("moe")->options, &options);
    options.moe.n_experts = r->experts;
    options.moe.expert_size = r->expert_size;
    options.moe.k = r->k;
    options.moe.router = moe_router_named("sigmoid");
    TRY(time_layer(r, "moe", &options, r->trace, &sparse));
    TRY(time_layer(r, "dense", &as_dense, NULL, &dense));
    double width = 2 * (double)r->d_model; // multiply-adds per channel, up and down
    *result = (sigmoe_bench_layer_result){.forward_ms = sparse.forward_ms,
        .backward_ms = sparse.backward_ms,
        .total_ms = sparse.total_ms,
        .gflops = rate(width * (double)(r->k * r->expert_size), r->tokens, sparse.total_ms),
        .dense_total_ms = dense.total_ms,
        .dense_gflops = rate(width * (double)channels, r->tokens, dense.total_ms),
        .ratio_to_dense = sparse.total_ms / dense.total_ms,
        .peak_bytes = sparse.peak_bytes,
        .dense_peak_bytes = dense.peak_bytes,
        .isa = cpu_level_name(cpu_current())};
    double reached = fmax(result->gflops, result->dense_gflops);
    TRY(measure_peak(r->threads, operand_type(r->dtype), reached, &result->peak_gflops));
    result->fraction_of_peak = result->gflops / result->peak_gflops;
    return SIGMOE_OK;
}
