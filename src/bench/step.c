#include "bench/step.h"

#include "bench/bench.h"
#include "bench/breakdown.h"
#include "config/train_settings.h"
#include "kernels/peak/peak.h"
#include "model/training_flops.h"
#include "system/process_memory.h"
#include "train/trainer.h"
#include "train/training_memory.h"

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

// What the timed steps are made of; without a visitor, nothing is watched.
typedef struct step_watch {
    timeline *timeline;
    breakdown *parts;
} step_watch;

static void watch_close(step_watch *w) {
    timeline_destroy(w->timeline);
    breakdown_destroy(w->parts);
}

static sigmoe_status watch_open(const sigmoe_bench_step_request *request, trainer *t, step_watch *w) {
    *w = (step_watch){0};
    if (!request->visit_part) return SIGMOE_OK;
    sigmoe_status status = timeline_create(threads_count(trainer_kernel(t).threads), &w->timeline);
    if (status == SIGMOE_OK) status = breakdown_create(&w->parts);
    if (status != SIGMOE_OK) watch_close(w);
    return status;
}

static sigmoe_status time_step(
    trainer *t, const int32_t *inputs, const int32_t *targets, const step_watch *watch, double *seconds) {
    step_report report;
    if (watch->timeline) timeline_begin(watch->timeline, "the rest");
    threads_watch(trainer_kernel(t).threads, watch->timeline);
    sigmoe_status status = trainer_step_on(t, inputs, targets, false, &report);
    threads_watch(trainer_kernel(t).threads, NULL);
    *seconds = report.seconds;
    if (status != SIGMOE_OK || !watch->timeline) return status;
    timeline_turn_to(watch->timeline, "the rest");
    return breakdown_add(watch->parts, watch->timeline);
}

static sigmoe_status time_steps(
    trainer *t, int64_t steps, arena *a, const step_watch *watch, sigmoe_bench_step_result *result) {
    const model_config *model = &trainer_config(t)->model;
    int64_t batch = trainer_settings(t)->batch;
    int32_t *inputs, *targets;
    step_report report;
    double *seconds;
    TRY(draw_tokens(model, batch, a, &inputs, &targets));
    TRY(ARENA_NEW(a, seconds, steps));
    // After this many steps the memory is full, so that the timed steps are as expensive as any later ones.
    for (int64_t i = 0; i < model->memory_train + BENCH_WARM_UPS; i++)
        TRY(trainer_step_on(t, inputs, targets, false, &report));
    for (int64_t i = 0; i < steps; i++) TRY(time_step(t, inputs, targets, watch, &seconds[i]));
    double tokens_per_s = (double)(batch * model->unroll) / bench_median(seconds, (int)steps);
    double flops = training_flops_per_token(model);
    double gflops = 1e-9 * tokens_per_s * flops;
    dtype operands = operand_type(trainer_settings(t)->dtype);
    *result = (sigmoe_bench_step_result){.tokens_per_s = tokens_per_s,
        .model_flops_per_token = flops,
        .fraction_of_peak = gflops / peak_gflops_beyond(trainer_kernel(t).threads, operands, gflops),
        .peak_rss_bytes = resident_set_peak(),
        .isa = cpu_level_name(cpu_current())};
    return SIGMOE_OK;
}

sigmoe_status bench_step(const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result) {
    if (!request->config) return fail(SIGMOE_BAD_ARGUMENT, "steps of what? A configuration is needed");
    TRY(bench_check(&(bench_size){"steps", request->steps}, 1));
    sigmoe_train_settings settings = request->config->settings;
    settings.batch = request->batch;
    settings.steps = INT32_MAX; // the end of the schedule is far away
    settings.dtype = request->dtype;
    settings.valid_every = 0;
    trainer_request wanted = {.config = request->config, .settings = &settings, .threads = request->threads};
    trainer *t;
    arena *a;
    TRY(training_memory_check(request->config, &settings, (step_shape){.recompute = request->recompute}));
    TRY(trainer_create(&wanted, &t));
    trainer_recompute(t, request->recompute);
    step_watch watch = {0};
    sigmoe_status status = arena_create("bench", &a);
    if (status == SIGMOE_OK) {
        status = watch_open(request, t, &watch);
        if (status == SIGMOE_OK) status = time_steps(t, request->steps, a, &watch, result);
        arena_destroy(a);
    }
    trainer_destroy(t);
    if (status == SIGMOE_OK && watch.parts)
        breakdown_visit(watch.parts, request->visit_part, request->context);
    watch_close(&watch);
    return status;
}
