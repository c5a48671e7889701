// Times of one feedforward layer and of whole training steps.
#include "train/training_flops.h"
#include "kernels/peak/peak.h"
#include "train/clock.h"
#include "train/train_settings.h"
#include "train/trainer.h"
#include "train/workspace.h"

#include <stdlib.h>
#include <sys/resource.h>

enum { WARM_UPS = 1 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

// ---------------------------------------------------------------- one layer

void sigmoe_bench_layer_defaults(sigmoe_bench_layer_request *request) {
    *request = (sigmoe_bench_layer_request){
        .d_model = 412, .experts = 16, .expert_size = 128, .k = 4, .tokens = 4096, .repetitions = 10};
}

static sigmoe_status check_request(const sigmoe_bench_layer_request *r) {
    const struct {
        const char *name;
        int64_t value;
    } positive[] = {{"d_model", r->d_model}, {"experts", r->experts}, {"expert_size", r->expert_size},
        {"k", r->k}, {"tokens", r->tokens}, {"repetitions", r->repetitions}};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (positive[i].value < 1 || positive[i].value > INT32_MAX)
            return fail(SIGMOE_BAD_ARGUMENT, "%s is %lld; it must be in 1..%d", positive[i].name,
                (long long)positive[i].value, INT32_MAX);
    return SIGMOE_OK;
}

// A block alone, between its input and its output gradient.
typedef struct lone_layer {
    ff_layer layer;
    workspace *work;
    arena *a;
    int32_t *tokens;     // [T], zeros
    matrix x, y, dy, dx; // [T, d]
} lone_layer;

typedef struct layer_times {
    double forward_ms, backward_ms, total_ms; // medians
    double peak_bytes;
} layer_times;

static sigmoe_status build_layer(lone_layer *l, int64_t tokens) {
    const ff_surroundings *around = &l->layer.around;
    TRY(l->layer.variant->check(&l->layer.options, around));
    TRY(l->layer.variant->declare(&l->layer.options, around, 0, l->layer.parameters));
    TRY(parameters_allocate(l->layer.parameters, STORE_GRADIENTS));
    parameters_initialize(&l->work->kernel, l->layer.parameters, 0);
    matrix *all[] = {&l->x, &l->y, &l->dy, &l->dx};
    for (int i = 0; i < 4; i++) TRY(matrix_new(l->a, TYPE_REAL, tokens, around->d_model, all[i]));
    TRY(ARENA_NEW(l->a, l->tokens, tokens));
    random_stream inputs = {.purpose = RANDOM_TEST}, gradients = {.step = 1, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < tokens * around->d_model; i++) {
        matrix_real(l->x)[i] = (real)random_normal(inputs, (uint64_t)i);
        matrix_real(l->dy)[i] = (real)random_normal(gradients, (uint64_t)i);
    }
    return SIGMOE_OK;
}

static sigmoe_status pass_once(lone_layer *l, double *forward_ms, double *backward_ms) {
    step_context step = {.kernel = l->work->kernel,
        .activations = l->work->activations,
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
    for (int i = 0; i < WARM_UPS; i++) TRY(pass_once(l, &unused_forward, &unused_backward));
    for (int i = 0; i < repetitions; i++) {
        TRY(pass_once(l, &forward[i], &backward[i]));
        total[i] = forward[i] + backward[i];
    }
    *times =
        (layer_times){median(forward, repetitions), median(backward, repetitions), median(total, repetitions),
            (double)(arena_peak_bytes(l->work->activations) + arena_peak_bytes(l->work->kernel.scratch))};
    return SIGMOE_OK;
}

static sigmoe_status time_layer(
    const sigmoe_bench_layer_request *r, const char *variant, const ff_options *options, layer_times *times) {
    workspace work = {0};
    lone_layer l = {.work = &work,
        .layer = {.variant = ff_variant_named(variant),
            .options = *options,
            .around = {.d_model = r->d_model, .n_layers = 1, .vocab_size = 1}}};
    sigmoe_status status = workspace_open(r->threads, &work);
    if (status == SIGMOE_OK) status = arena_create("layer", &l.a);
    if (status == SIGMOE_OK) status = parameters_create(&l.layer.parameters);
    if (status == SIGMOE_OK) status = build_layer(&l, r->tokens);
    if (status == SIGMOE_OK) status = time_passes(&l, r->repetitions, times);
    parameters_destroy(l.layer.parameters);
    arena_destroy(l.a);
    workspace_close(&work);
    return status;
}

// 10^9 operations a second: forward and backward of `multiply_adds` a token, in `ms`.
static double rate(double multiply_adds, int64_t tokens, double ms) {
    return 2 * 3 * multiply_adds * (double)tokens / (ms * 1e6);
}

static sigmoe_status measure_peak(int thread_count, double *gflops) {
    workspace work;
    TRY(workspace_open(thread_count, &work));
    *gflops = peak_gflops(work.kernel.threads);
    workspace_close(&work);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result) {
    const sigmoe_bench_layer_request *r = request;
    layer_times sparse, dense;
    double peak;
    TRY(check_request(r));
    int64_t channels;
    if (!size_product(&channels, r->experts, r->expert_size))
        return fail(SIGMOE_BAD_ARGUMENT, "experts x expert_size is too large");

    ff_options options = {0}, as_dense = {.dense = {.d_ff = channels}};
    option_defaults(ff_variant_named("moe")->options, &options);
    options.moe.n_experts = r->experts;
    options.moe.expert_size = r->expert_size;
    options.moe.k = r->k;
    options.moe.router = moe_router_named("sigmoid");
    TRY(time_layer(r, "moe", &options, &sparse));
    TRY(time_layer(r, "dense", &as_dense, &dense));
    TRY(measure_peak(r->threads, &peak));

    double width = 2 * (double)r->d_model; // multiply-adds of a channel, up and down
    *result = (sigmoe_bench_layer_result){.forward_ms = sparse.forward_ms,
        .backward_ms = sparse.backward_ms,
        .total_ms = sparse.total_ms,
        .gflops = rate(width * (double)(r->k * r->expert_size), r->tokens, sparse.total_ms),
        .dense_total_ms = dense.total_ms,
        .dense_gflops = rate(width * (double)channels, r->tokens, dense.total_ms),
        .ratio_to_dense = sparse.total_ms / dense.total_ms,
        .peak_gflops = peak,
        .peak_bytes = sparse.peak_bytes,
        .isa = cpu_level_name(cpu_current())};
    result->fraction_of_peak = result->gflops / peak;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- whole steps

static sigmoe_status draw_tokens(
    const model_config *model, int64_t batch, arena *a, int32_t **inputs, int32_t **targets) {
    random_stream stream = {.purpose = RANDOM_TEST};
    int64_t count = batch * model->unroll;
    TRY(ARENA_NEW(a, *inputs, count));
    TRY(ARENA_NEW(a, *targets, count));
    for (int64_t i = 0; i < count; i++) {
        (*inputs)[i] = (int32_t)(random_uniform(stream, (uint64_t)i) * (double)model->vocab_size);
        (*targets)[i] = (int32_t)(random_uniform(stream, (uint64_t)(count + i)) * (double)model->vocab_size);
    }
    return SIGMOE_OK;
}

static sigmoe_status time_steps(trainer *t, int64_t steps, arena *a, sigmoe_bench_step_result *result) {
    const model_config *model = &trainer_config(t)->model;
    int64_t batch = trainer_settings(t)->batch;
    int32_t *inputs, *targets;
    step_report report;
    double *seconds;
    TRY(draw_tokens(model, batch, a, &inputs, &targets));
    TRY(ARENA_NEW(a, seconds, steps));
    // After as many steps the memory is full, and no step is cheaper than those that are timed.
    for (int64_t i = 0; i < model->memory_train + WARM_UPS; i++)
        TRY(trainer_step_on(t, inputs, targets, false, &report));
    for (int64_t i = 0; i < steps; i++) {
        TRY(trainer_step_on(t, inputs, targets, false, &report));
        seconds[i] = report.seconds;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double tokens_per_s = (double)(batch * model->unroll) / median(seconds, (int)steps);
    double flops = training_flops_per_token(model);
    *result = (sigmoe_bench_step_result){.tokens_per_s = tokens_per_s,
        .model_flops_per_token = flops,
        .fraction_of_peak = tokens_per_s * flops / (peak_gflops(trainer_kernel(t).threads) * 1e9),
        .peak_rss_bytes = (double)usage.ru_maxrss * 1024,
        .isa = cpu_level_name(cpu_current())};
    return SIGMOE_OK;
}

sigmoe_status sigmoe_bench_step(const sigmoe_config *config, int64_t batch, int64_t steps, int thread_count,
    sigmoe_bench_step_result *result) {
    enum { MOST_STEPS = 1 << 20 };
    if (steps < 1 || steps > MOST_STEPS)
        return fail(
            SIGMOE_BAD_ARGUMENT, "steps are %lld; they must be in 1..%d", (long long)steps, MOST_STEPS);
    sigmoe_train_settings settings = config->settings;
    settings.batch = batch;
    settings.steps = MOST_STEPS;
    trainer_request request = {.config = config, .settings = &settings, .threads = thread_count};
    trainer *t;
    arena *a;
    TRY(trainer_create(&request, &t));
    sigmoe_status status = arena_create("bench", &a);
    if (status == SIGMOE_OK) {
        status = time_steps(t, steps, a, result);
        arena_destroy(a);
    }
    trainer_destroy(t);
    return status;
}
