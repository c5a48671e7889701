#include "train/loop.h"

#include "base/clock.h"
#include "base/observer.h"
#include "base/progress.h"
#include "kernels/peak/peak.h"
#include "model/training_flops.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/expert_load.h"
#include "train/recovery.h"
#include "train/saving.h"
#include "train/trainer_state.h"
#include "train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool finished(const trainer *t) {
    return t->step >= t->settings.steps;
}

// Whether `step` is a multiple of `every`, or the last.
static bool due(const trainer *t, int64_t every) {
    return every > 0 && t->step > 0 && (t->step % every == 0 || finished(t));
}

// The clock decides when a checkpoint is written, but does not affect its contents.
static bool due_by_clock(const trainer *t) {
    return t->settings.checkpoint_every == 0 && t->checkpoint_seconds > 0 &&
           seconds_now() - t->saved_at >= t->checkpoint_seconds;
}

// A round like the longest so far must fit in, and perhaps a checkpoint, which the longest one has had, too.
static bool time_is_up(trainer *t) {
    double now = seconds_now();
    if (t->round_began > 0) t->longest_round = fmax(t->longest_round, now - t->round_began);
    t->round_began = now;
    return t->deadline > 0 && now + 2 * t->longest_round >= t->deadline;
}

static sigmoe_status tell_sample(trainer *t, const char *text, size_t size, const sigmoe_observer *observer) {
    char *line;
    TRY(run_log_sample(&t->log, t->step, sampler_prompt(t->sampler), text, size));
    TRY(sample_line(sampler_prompt(t->sampler), text, size, &line));
    progress_note(observer, "step %lld: sample %s", (long long)t->step, line);
    free(line);
    return SIGMOE_OK;
}

// Short, so a request to stop is heeded after it.
static sigmoe_status sample(trainer *t, const sigmoe_observer *observer) {
    char *text;
    size_t size;
    TRY(sampler_continue(t->sampler, t->model, &t->work, &text, &size));
    sigmoe_status status = tell_sample(t, text, size, observer);
    free(text);
    return status;
}

static sigmoe_status validate(trainer *t, const sigmoe_observer *observer) {
    sigmoe_scores scores;
    TRY(trainer_score(t, "valid", SCORE_STREAMS, t->settings.valid_tokens, observer, &scores));
    TRY(run_log_validation(&t->log, t->step, &scores));
    if (t->data.tokenizer.type != TOKENIZER_BYTES)
        progress_note(observer, "step %lld: valid perplexity %.3f", (long long)t->step, scores.perplexity);
    else if (isfinite(scores.bits_per_char))
        progress_note(
            observer, "step %lld: valid %.4f bits per character", (long long)t->step, scores.bits_per_char);
    else
        progress_note(
            observer, "step %lld: valid %.4f bits per byte", (long long)t->step, scores.bits_per_token);
    return t->sampler ? sample(t, observer) : SIGMOE_OK;
}

static sigmoe_status do_what_is_due(trainer *t) {
    TRY(team_agree(&t->team, due_by_clock(t), time_is_up(t)));
    if (t->team.time_is_up) return SIGMOE_INTERRUPTED; // what is due now is due after `resume`
    TRY(trainer_save_if_asked(t));                     // before a validation, which may take long
    if (due(t, t->settings.valid_every) && t->log.last_validation < t->step) TRY(validate(t, t->observer));
    bool best = t->keep.best && t->log.best_step == t->step;
    // The first checkpoint holds the initial weights, so that a run can be resumed no matter when it is killed.
    if (due(t, t->settings.checkpoint_every) || due(t, t->keep.every) || t->team.checkpoint_due || best ||
        t->step == 0 || finished(t))
        TRY(trainer_save(t));
    return SIGMOE_OK;
}

static sigmoe_status stop_here(trainer *t) {
    TRY(trainer_save(t));
    return fail(SIGMOE_INTERRUPTED, "stopped after step %lld of %lld%s%s", (long long)t->step,
        (long long)t->settings.steps,
        t->team.time_is_up ? ", before the time of `exit_before` has passed" : "",
        *t->run ? "; `resume` goes on from here" : "");
}

// Runs a step with statistics, and writes their line.
static sigmoe_status watched_step(trainer *t, step_report *report) {
    const model_config *c = &t->config.model;
    arena *a;
    TRY(arena_create("usage", &a));
    sigmoe_status status =
        ff_statistics_create(a, c->variant, &c->ff, c->n_layers, FF_TOTALS, &t->statistics);
    if (status == SIGMOE_OK) status = trainer_step(t, report);
    if (status == SIGMOE_OK) status = team_sum_statistics(&t->team, t->statistics, t->work.kernel.scratch);
    if (status == SIGMOE_OK) status = run_log_usage(&t->log, report->step, t->statistics);
    if (status == SIGMOE_OK)
        status =
            run_health_usage(&t->health, report->step, t->statistics, c->ff.moe.k, t->buffers, t->observer);
    t->statistics = NULL;
    arena_destroy(a);
    return status;
}

// Runs a step and writes its line. Numbers that are not finite may end the training here, or not.
static sigmoe_status logged_step(trainer *t, step_report *report) {
    bool watched = *t->run && t->step % USAGE_EVERY == 0;
    sigmoe_status status = watched ? watched_step(t, report) : trainer_step(t, report);
    if (status == SIGMOE_NOT_FINITE) return trainer_after_not_finite(t, report, status);
    if (status != SIGMOE_OK) return status;
    report->rewound_from = t->rewound_from;
    t->rewound_from = -1;
    run_health_loss(&t->health, report->step, report->loss, t->observer);
    return run_log_step(&t->log, report);
}

static void describe_step(const trainer *t, progress_meter *meter, const step_report *report) {
    if (!meter->observer || !meter->observer->progress) return;
    sigmoe_progress *p = &meter->state;
    split_sizes sizes =
        dataset_sizes_of(&t->data, "train", t->targets, t->parts.share.sequences, t->config.model.unroll);
    sigmoe_scores scores = scores_of(report->loss, 0, &sizes);
    bool bytes = t->data.tokenizer.type == TOKENIZER_BYTES, characters = isfinite(scores.bits_per_char);
    double gflops = training_flops_per_token(&t->config.model) * report->tokens_per_second * 1e-9;
    p->loss = report->loss;
    p->score = !bytes ? scores.perplexity : characters ? scores.bits_per_char : scores.bits_per_token;
    p->score_name = !bytes ? "ppl" : characters ? "bpc" : "bpb";
    p->tokens_per_second = report->tokens_per_second;
    p->fraction_of_peak =
        gflops / peak_gflops_beyond(t->work.kernel.threads, operand_type(t->settings.dtype), gflops);
}

static sigmoe_status run_to_end(trainer *t, progress_meter *meter, step_report *last) {
    for (;;) {
        sigmoe_status status = do_what_is_due(t);
        if (status == SIGMOE_OK && finished(t)) return SIGMOE_OK;
        if (status == SIGMOE_OK) status = progress_at(meter, (double)t->step);
        if (status == SIGMOE_INTERRUPTED) return stop_here(t); // here or during a validation
        if (status == SIGMOE_OK) status = logged_step(t, last);
        if (status != SIGMOE_OK) return status;
        describe_step(t, meter, last);
    }
}

// NULL where there is none.
static sigmoe_status newest_path(const trainer *t, char **path) {
    char newest[PATH_CAPACITY];
    if (t->last_checkpoint < 0) return SIGMOE_OK;
    TRY(checkpoint_path(t->run, t->last_checkpoint, newest));
    *path = strdup(newest);
    return *path ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the checkpoint's name");
}

sigmoe_status trainer_run(
    trainer *t, const char *task, const sigmoe_observer *observer, sigmoe_train_result *result) {
    progress_meter meter;
    step_report last = {.loss = NAN};
    double start = seconds_now();
    observer = team_observer(&t->team, observer);
    progress_begin(&meter, observer, task, "steps", (double)t->step, (double)t->settings.steps);
    t->observer = observer;
    t->saves_answered = observer_saves(observer);
    t->saved_at = start;
    t->round_began = t->longest_round = 0;
    sigmoe_status status = run_to_end(t, &meter, &last);
    t->observer = NULL;
    meter.state.done = (double)t->step;
    progress_end(&meter);
    if (!result) return status;
    *result = (sigmoe_train_result){.steps = t->step,
        .loss = last.loss,
        .tokens_per_second = trainer_tokens_per_second(t),
        .seconds = seconds_now() - start};
    sigmoe_status named = newest_path(t, &result->checkpoint);
    return status == SIGMOE_OK ? named : status;
}
