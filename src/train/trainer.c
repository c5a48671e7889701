#include "train/trainer.h"

#include "base/clock.h"
#include "config/model_directory.h"
#include "config/train_settings.h"
#include "train/not_finite.h"
#include "train/schedule.h"
#include "train/train_json.h"
#include "train/trainer_state.h"
#include "train/update.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- one step

static sigmoe_status not_finite(
    trainer *t, const parameter_list *list, const step_report *report, model_place place) {
    const parameter *bad;
    TRY(update_first_bad_gradient(&t->team, list, t->work.kernel.scratch, &bad));
    return step_not_finite(bad, t->settings.clip, report, place);
}

static sigmoe_status finish_gradients(trainer *t) {
    THREADS_PART(t->work.kernel.threads, "ranks: gradients");
    return tensor_flow_finish(t->flow);
}

// A complete training step: loss, gradients, clipping, Adam.
static sigmoe_status learn(trainer *t, const int32_t *inputs, const int32_t *targets, step_report *report) {
    parameter_list *list = transformer_parameters(t->model);
    step_context step = {.kernel = t->work.kernel,
        .activations = t->work.activations,
        .training = true,
        .keep = true,
        .recompute = t->recompute,
        .seed = t->settings.seed,
        .step = (uint64_t)t->step,
        .tokens = inputs,
        .statistics = t->statistics,
        .listener = tensor_flow_listener(t->flow),
        .batch = t->parts.share.sequences,
        .length = t->config.model.unroll};
    double nats;
    parameters_zero_gradients(&t->work.kernel, list);
    tensor_flow_begin(t->flow, FLOW_GRADIENTS);
    TRY(batch_parts_loss(&t->parts, t->model, &step, t->memory, targets, t->nats));
    TRY(finish_gradients(t));
    TRY(team_sum_nats(
        &t->team, t->nats, step.batch * step.length, &step.not_finite, t->work.kernel.scratch, &nats));
    report->loss = nats / (double)(t->parts.share.all * step.length);
    report->regularizer = step.regularizer;
    report->feedforward_seconds = step.ff_seconds;
    TRY(update_gradient_norm(&t->team, &t->work.kernel, list, &report->gradient_norm));
    if (!isfinite(report->loss + report->regularizer) || !isfinite(report->gradient_norm))
        return not_finite(t, list, report, step.not_finite);
    return update_weights(&t->team, t->flow, &t->work.kernel, list, &t->settings, report);
}

static void count_costs(trainer *t, const step_report *report) {
    trainer_costs *costs = &t->costs;
    double bytes = (double)(arena_peak_bytes(t->work.activations) + arena_peak_bytes(t->work.kernel.scratch));
    costs->steps++;
    costs->seconds += report->seconds;
    costs->feedforward_seconds += report->feedforward_seconds;
    step_samples_add(&costs->step_times, report->seconds);
    step_samples_add(&costs->feedforward_times, report->feedforward_seconds);
    costs->peak_activation_bytes = fmax(costs->peak_activation_bytes, bytes);
}

sigmoe_status trainer_step_on(
    trainer *t, const int32_t *inputs, const int32_t *targets, bool new_epoch, step_report *report) {
    double start = seconds_now();
    int64_t tokens = t->settings.batch * t->config.model.unroll;
    *report = (step_report){.step = t->step,
        .loss = NAN,
        .regularizer = NAN,
        .gradient_norm = NAN,
        .lr = learning_rate(&t->settings, t->step) * t->odd.lr_scale,
        .rewound_from = -1};
    arena_reset_peak(t->work.activations);
    arena_reset_peak(t->work.kernel.scratch);
    if (new_epoch) xl_memory_reset(t->memory);
    if (t->timeline) timeline_begin(t->timeline, "the rest");
    sigmoe_status status = learn(t, inputs, targets, report);
    if (t->timeline) timeline_turn_to(t->timeline, "the rest");
    report->seconds = seconds_now() - start;
    report->tokens_per_second = (double)tokens / report->seconds;
    if (status != SIGMOE_OK) return status;
    count_costs(t, report);
    t->odd.skipped_in_a_row = 0;
    t->step++;
    return SIGMOE_OK;
}

sigmoe_status trainer_step(trainer *t, step_report *report) {
    int64_t length;
    bool new_epoch;
    TRY(batch_stream_next(&t->stream, t->inputs, t->targets, &length, &new_epoch));
    return trainer_step_on(t, t->inputs, t->targets, new_epoch, report);
}

// ---------------------------------------------------------------- scores

static const char *const split_names[SPLITS] = {"train", "valid", "test"};

sigmoe_status trainer_split(trainer *t, const char *name, token_split **out) {
    for (int i = 0; i < SPLITS; i++) {
        if (strcmp(name, split_names[i]) != 0) continue;
        if (!t->splits[i]) TRY(dataset_open_split(&t->data, name, &t->splits[i]));
        *out = t->splits[i];
        return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_ARGUMENT, "there is no split \"%.40s\": use train, valid or test", name);
}

// ---------------------------------------------------------------- creation

static sigmoe_status open_data(trainer *t, const dataset *data) {
    token_split *train;
    t->data = *data;
    TRY(config_adopt_data(&t->config, data));
    TRY(trainer_split(t, "train", &train));
    TRY(batch_stream_open(&t->stream, train, t->settings.batch, t->config.model.unroll, false, 0));
    batch_stream_share(&t->stream, t->parts.share.first, t->parts.share.sequences);
    return SIGMOE_OK;
}

static batch_share share_of(const trainer *t) {
    int64_t sequences = t->settings.batch / communicator_ranks(t->team.link);
    return (batch_share){.first = sequences * communicator_rank(t->team.link),
        .sequences = sequences,
        .all = t->settings.batch,
        .exchange = team_exchange(&t->team)};
}

static sigmoe_status join_team(trainer *t, const trainer_request *request) {
    const model_config *model = &t->config.model;
    int64_t parts = request->expert_parallel ? request->expert_parallel : 1;
    bool has_logits;
    int64_t experts = model->variant->experts ? model->variant->experts(&model->ff, &has_logits) : 0;
    TRY(team_experts_check(parts, communicator_ranks(request->link), experts));
    if (parts > 1 && request->watching.sample_prompt)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`sample_prompt` needs all experts in one process, and `expert_parallel` spreads them: leave one "
            "of them out");
    team_join(&t->team, request->link, &request->sharing, (int)parts);
    return SIGMOE_OK;
}

static sigmoe_status build_parts(trainer *t, const trainer_request *request) {
    TRY(train_settings_check(&t->settings));
    TRY(checkpoint_seconds_check(t->checkpoint_seconds));
    TRY(checkpoint_keep_check(&t->keep));
    TRY(not_finite_policy_read(request->watching.on_nonfinite, &(not_finite_policy){0}));
    snprintf(t->on_nonfinite, sizeof t->on_nonfinite, "%s",
        request->watching.on_nonfinite ? request->watching.on_nonfinite : "stop");
    TRY(model_config_check(&t->config.model));
    int64_t parts = request->accumulate ? request->accumulate : 1;
    TRY(team_sharing_check(&request->sharing));
    TRY(join_team(t, request));
    TRY(batch_parts_check(t->settings.batch, parts, communicator_ranks(request->link)));
    batch_share share = share_of(t);
    t->parts.share = share;
    if (request->data) TRY(open_data(t, request->data));
    if (request->watching.sample_prompt)
        TRY(sampler_open(&t->config, request->watching.sample_prompt, &t->sampler));

    const model_config *model = &t->config.model;
    parameter_storage storage = update_storage(&t->team, t->settings.dtype);
    TRY(transformer_create_part(model, storage, team_expert_exchange(&t->team), &t->model));
    TRY(update_prepare(&t->team, transformer_parameters(t->model)));
    TRY(tensor_flow_create(&t->team, transformer_parameters(t->model), &t->flow));
    transformer_set_operands(t->model, operand_type(t->settings.dtype));
    TRY(xl_memory_create(model, share.sequences, model->memory_train, model->unroll, &t->memory));

    int64_t tokens;
    if (!size_product(&tokens, share.sequences, model->unroll))
        return fail(SIGMOE_BAD_ARGUMENT, "a batch of %lld x %lld tokens is too large",
            (long long)t->settings.batch, (long long)model->unroll);
    TRY(arena_create("batch", &t->buffers));
    TRY(ARENA_NEW(t->buffers, t->inputs, tokens));
    TRY(ARENA_NEW(t->buffers, t->targets, tokens));
    TRY(ARENA_NEW(t->buffers, t->nats, tokens));
    TRY(batch_parts_create(t->buffers, model, &share, parts, t->memory, &t->parts));
    return workspace_open(request->threads, &t->work);
}

sigmoe_status trainer_build(const trainer_request *request, trainer **out) {
    trainer *t = calloc(1, sizeof *t);
    if (!t) return fail(SIGMOE_NO_MEMORY, "no memory for a trainer");
    t->config = config_copy(request->config);
    t->settings = *request->settings;
    t->checkpoint_seconds = request->checkpoint_seconds;
    t->tensorboard = request->watching.tensorboard;
    t->keep = request->keep;
    if (t->keep.newest == 0) t->keep.newest = checkpoint_keep_default.newest;
    t->last_checkpoint = t->lock = t->rewound_to = t->rewound_from = -1;
    t->odd.lr_scale = 1;
    t->log = run_log_none;
    sigmoe_status status = build_parts(t, request);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

sigmoe_status trainer_create(const trainer_request *request, trainer **out) {
    TRY(trainer_build(request, out));
    trainer *t = *out;
    parameters_initialize(&t->work.kernel, transformer_parameters(t->model), t->settings.seed);
    return SIGMOE_OK;
}

sigmoe_status trainer_compare(trainer *t) {
    return team_compare(&t->team, &t->config, &t->settings, &t->data);
}

sigmoe_status trainer_follow_run(trainer *t, const char *run) {
    return path_format(t->run, "%s", run);
}

sigmoe_status trainer_attach_run(trainer *t, const char *run, const char *checkpoint) {
    TRY(path_format(t->run, "%s", run));
    const run_watching watching = trainer_watching(t);
    return run_log_open(&t->log, run, t->step, &watching, checkpoint);
}

sigmoe_status trainer_begin_run(trainer *t, const char *run) {
    TRY(directory_make(run));
    const run_watching watching = trainer_watching(t);
    TRY(train_json_write(run, &t->settings, t->checkpoint_seconds, &t->keep, &watching, &t->data));
    return trainer_attach_run(t, run, NULL);
}

void trainer_guard(trainer *t, int lock) {
    t->lock = lock;
}

void trainer_destroy(trainer *t) {
    if (!t) return;
    run_log_close(&t->log);
    sampler_close(t->sampler);
    for (int i = 0; i < SPLITS; i++) token_split_close(t->splits[i]);
    xl_memory_destroy(t->memory);
    tensor_flow_destroy(t->flow);
    timeline_destroy(t->timeline);
    transformer_destroy(t->model);
    arena_destroy(t->buffers);
    workspace_close(&t->work);
    free(t);
}

sigmoe_status trainer_load(trainer *t, const char *model_directory) {
    return model_read_weights(model_directory, transformer_parameters(t->model));
}

// ---------------------------------------------------------------- access

run_watching trainer_watching(const trainer *t) {
    return (run_watching){.sample_prompt = t->sampler ? sampler_prompt(t->sampler) : NULL,
        .tensorboard = t->tensorboard,
        .on_nonfinite = t->on_nonfinite};
}

void trainer_recompute(trainer *t, sigmoe_recompute what) {
    t->recompute = what;
}
void trainer_stop_before(trainer *t, double deadline) {
    t->deadline = deadline;
}

sigmoe_status trainer_watch_steps(trainer *t) {
    TRY(timeline_create(threads_count(t->work.kernel.threads), &t->timeline));
    timeline_begin(t->timeline, "the rest");
    threads_watch(t->work.kernel.threads, t->timeline);
    return SIGMOE_OK;
}

sigmoe_status trainer_write_trace(const trainer *t, const char *path) {
    trace_row rows[FLOW_ROWS];
    int count = tensor_flow_trace(t->flow, rows);
    return trace_write(t->timeline, rows, count, path);
}

transformer *trainer_model(trainer *t) {
    return t->model;
}
const sigmoe_config *trainer_config(const trainer *t) {
    return &t->config;
}
const sigmoe_train_settings *trainer_settings(const trainer *t) {
    return &t->settings;
}
const dataset *trainer_dataset(const trainer *t) {
    return &t->data;
}
int64_t trainer_steps_done(const trainer *t) {
    return t->step;
}
kernel_context trainer_kernel(trainer *t) {
    return t->work.kernel;
}
arena *trainer_activations(trainer *t) {
    return t->work.activations;
}

const trainer_costs *trainer_costs_so_far(const trainer *t) {
    return &t->costs;
}

double trainer_tokens_per_second(const trainer *t) {
    double tokens = (double)t->settings.batch * (double)t->config.model.unroll;
    return tokens / step_samples_quartiles(&t->costs.step_times).median;
}

void trainer_costs_reset(trainer *t) {
    t->costs = (trainer_costs){0};
}
