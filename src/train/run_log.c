#include "train/run_log.h"

#include "formats/json_lines.h"
#include "formats/json_objects.h"
#include "train/expert_load.h"
#include "train/log_sums.h"
#include "train/run_events.h"

#include <inttypes.h>
#include <math.h>

const run_log run_log_none = {.last_validation = -1, .best_step = -1};

// ---------------------------------------------------------------- opening

static void note_best(run_log *log, int64_t steps_done, double nats_per_token) {
    bool better = log->best_step < 0 ? isfinite(nats_per_token) : nats_per_token < log->best;
    if (!better) return;
    log->best = nats_per_token;
    log->best_step = steps_done;
}

// The best validation so far is that of the lines.
static sigmoe_status find_best(run_log *log, const char *path) {
    json_lines lines;
    json_t *line;
    TRY(json_lines_open(path, &lines));
    sigmoe_status status = json_lines_next(&lines, &line);
    for (; status == SIGMOE_OK && line; status = json_lines_next(&lines, &line)) {
        const json_t *nats = json_object_get(line, "nats_per_token");
        if (json_is_number(nats))
            note_best(log, json_integer_value(json_object_get(line, "step")), json_number_value(nats));
        json_decref(line);
    }
    json_lines_close(&lines);
    return status;
}

static sigmoe_status open_logs(
    run_log *log, const char *run, int64_t steps_done, const run_watching *watching, const json_t *sums) {
    log_part metrics, usage, valid, samples;
    bool sampled = watching->sample_prompt != NULL;
    // All logs are checked before any is truncated: a run that is refused is not changed.
    TRY(log_check(run, "metrics.jsonl", sums, steps_done - 1, true, &metrics));
    TRY(log_check(run, "usage.jsonl", sums, steps_done - 1, false, &usage));
    TRY(log_check(run, "valid.jsonl", sums, steps_done, false, &valid));
    TRY(log_check(run, "samples.jsonl", sums, steps_done, false, &samples));
    log->last_validation = valid.newest;
    TRY(log_open(&metrics, &log->metrics));
    TRY(log_open(&usage, &log->usage));
    TRY(log_open(&valid, &log->valid));
    TRY(find_best(log, valid.path));
    if (!sampled) TRY(path_find(samples.path, &sampled));
    if (sampled) TRY(log_open(&samples, &log->samples));
    // Steps of TensorBoard are numbers of steps done (train/run_events.h).
    if (watching->tensorboard) TRY(event_file_open(&log->events, run, steps_done + 1));
    return path_sync(run); // later checkpoints depend on the logs
}

sigmoe_status run_log_open(
    run_log *log, const char *run, int64_t steps_done, const run_watching *watching, const char *checkpoint) {
    json_t *sums = NULL;
    *log = run_log_none;
    if (checkpoint) TRY(log_sums_read(run, checkpoint, &sums));
    sigmoe_status status = open_logs(log, run, steps_done, watching, sums);
    json_decref(sums);
    if (status != SIGMOE_OK) run_log_close(log);
    return status;
}

void run_log_close(run_log *log) {
    log_close(&log->metrics);
    log_close(&log->usage);
    log_close(&log->valid);
    log_close(&log->samples);
    event_file_close(&log->events);
}

run_log_state run_log_state_of(const run_log *log) {
    return (run_log_state){log->last_validation, log->best_step, log->best};
}

void run_log_follow(run_log *log, run_log_state state) {
    log->last_validation = state.last_validation;
    log->best_step = state.best_step;
    log->best = state.best;
}

// ---------------------------------------------------------------- lines

static sigmoe_status put_finite(json_t *object, const char *key, double value) {
    return json_put(object, key, json_finite(value));
}

static sigmoe_status fill_step(json_t *line, const step_report *report) {
    TRY(json_put(line, "step", json_integer(report->step)));
    TRY(put_finite(line, "loss", report->loss));
    TRY(put_finite(line, "reg", report->regularizer));
    TRY(put_finite(line, "grad_norm", report->gradient_norm));
    TRY(put_finite(line, "lr", report->lr));
    TRY(put_finite(line, "tokens_per_s", report->tokens_per_second));
    if (report->skipped) TRY(json_put(line, "skipped", json_true()));
    if (report->rewound_from >= 0) TRY(json_put(line, "rewound_from", json_integer(report->rewound_from)));
    return SIGMOE_OK;
}

sigmoe_status run_log_step(run_log *log, const step_report *report) {
    if (!log->metrics.stream) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_step(line, report);
    if (status == SIGMOE_OK) status = log_write(&log->metrics, line);
    json_decref(line);
    if (status == SIGMOE_OK && log->events.stream) status = run_events_step(&log->events, report);
    return status;
}

static sigmoe_status fill_validation(json_t *line, int64_t steps_done, const sigmoe_scores *scores) {
    TRY(json_put(line, "step", json_integer(steps_done)));
    TRY(json_put(line, "tokens", json_integer(scores->tokens)));
    TRY(put_finite(line, "nats_per_token", scores->nats_per_token));
    TRY(put_finite(line, "perplexity", scores->perplexity));
    TRY(put_finite(line, "bits_per_token", scores->bits_per_token));
    TRY(put_finite(line, "bits_per_char", scores->bits_per_char));
    TRY(put_finite(line, "bits_per_byte", scores->bits_per_byte));
    return put_finite(line, "word_perplexity", scores->word_perplexity);
}

sigmoe_status run_log_validation(run_log *log, int64_t steps_done, const sigmoe_scores *scores) {
    log->last_validation = steps_done;
    note_best(log, steps_done, scores->nats_per_token);
    if (!log->valid.stream) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_validation(line, steps_done, scores);
    if (status == SIGMOE_OK) status = log_write(&log->valid, line);
    json_decref(line);
    if (status == SIGMOE_OK && log->events.stream)
        status = run_events_validation(&log->events, steps_done, scores);
    return status;
}

sigmoe_status run_log_usage(run_log *log, int64_t step, const ff_statistics *s) {
    json_t *line;
    if (!log->usage.stream) return SIGMOE_OK;
    TRY(usage_to_json(step, s, &line));
    sigmoe_status status = log_write(&log->usage, line);
    json_decref(line);
    if (status == SIGMOE_OK && log->events.stream) status = run_events_usage(&log->events, step, s);
    return status;
}

static sigmoe_status fill_sample(
    json_t *line, int64_t steps_done, const char *prompt, const char *text, size_t size) {
    TRY(json_put(line, "step", json_integer(steps_done)));
    TRY(json_put(line, "prompt", json_string(prompt)));
    return json_put(line, "text", json_stringn(text, size));
}

sigmoe_status run_log_sample(
    run_log *log, int64_t steps_done, const char *prompt, const char *text, size_t size) {
    if (!log->samples.stream) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_sample(line, steps_done, prompt, text, size);
    if (status == SIGMOE_OK) status = log_write(&log->samples, line);
    json_decref(line);
    return status;
}

sigmoe_status run_log_sync(run_log *log) {
    TRY(log_sync(&log->metrics));
    TRY(log_sync(&log->valid));
    TRY(log_sync(&log->usage));
    return log_sync(&log->samples);
}

static sigmoe_status add_sums(const run_log *log, json_t *sums) {
    TRY(log_add_sum(&log->metrics, sums));
    TRY(log_add_sum(&log->usage, sums));
    TRY(log_add_sum(&log->valid, sums));
    return log_add_sum(&log->samples, sums);
}

sigmoe_status run_log_sums(const run_log *log, json_t **out) {
    json_t *sums = json_object();
    return json_hand_out(add_sums(log, sums), sums, out);
}
