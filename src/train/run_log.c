#include "train/run_log.h"

#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_parse.h"
#include "system/file.h"
#include "train/expert_load.h"
#include "train/run_events.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---------------------------------------------------------------- truncating on resume

// The step of a JSON line; -1 if it is not such a line.
static int64_t line_step(const char *line, size_t length) {
    json_t *object = json_parse(line, length, 0, NULL);
    const json_t *step = json_object_get(object, "step");
    int64_t value = json_is_integer(step) ? json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

// The leading lines of a log that are complete, in order, and of steps up to `last`; a dense log has a line for every step.
typedef struct kept_lines {
    size_t bytes;
    int64_t count, newest; // newest: its step; -1: none
} kept_lines;

// The step of the line at `at`; sets *next to its end. -1 if the line is not complete.
static int64_t step_at(const file_map *map, size_t at, size_t *next) {
    const char *line = (const char *)map->bytes + at, *end = memchr(line, '\n', map->size - at);
    *next = end ? at + (size_t)(end - line) + 1 : map->size;
    return end ? line_step(line, (size_t)(end - line)) : -1;
}

static kept_lines lines_until(const file_map *map, int64_t last, bool dense) {
    kept_lines kept = {.newest = -1};
    size_t next;
    while (kept.bytes < map->size) {
        int64_t step = step_at(map, kept.bytes, &next);
        if (step > last || (dense ? step != kept.count : step <= kept.newest)) break;
        kept = (kept_lines){next, kept.count + 1, step};
    }
    return kept;
}

// Whether lines that the checkpoint depends on are missing, damaged or out of order: a crash does not leave such a log.
static bool lines_lost(const file_map *map, const kept_lines *kept, int64_t last, bool dense) {
    if (dense) return kept->count <= last;
    bool damaged = false;
    for (size_t at = kept->bytes, next; at < map->size; at = next) {
        int64_t step = step_at(map, at, &next);
        if (step >= 0 && (damaged || step <= last)) return true;
        damaged = damaged || step < 0;
    }
    return false;
}

// A log and how much of it is kept.
typedef struct log_part {
    char path[PATH_CAPACITY];
    size_t size;
    kept_lines kept;
} log_part;

static sigmoe_status check_log(const char *run, const char *name, int64_t last, bool dense, log_part *part) {
    file_map map = {0};
    TRY(path_format(part->path, "%s/%s", run, name));
    TRY(file_appendable(part->path));
    if (path_exists(part->path)) TRY(file_map_open(part->path, &map));
    part->size = map.size;
    part->kept = lines_until(&map, last, dense);
    bool lost = lines_lost(&map, &part->kept, last, dense);
    file_map_close(&map);
    if (!lost) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s: line %" PRId64 " is missing, damaged or out of order, though the checkpoint is of a later step; "
        "restore the file, or begin a new run from the checkpoint with `init`",
        part->path, part->kept.count + 1);
}

static sigmoe_status open_cut(const log_part *part, FILE **file) {
    TRY(file_append(part->path, file));
    if (part->kept.bytes >= part->size || ftruncate(fileno(*file), (off_t)part->kept.bytes) == 0)
        return SIGMOE_OK;
    return fail_errno("cannot cut %s", part->path);
}

sigmoe_status run_log_open(run_log *log, const char *run, int64_t steps_done, const run_watching *watching) {
    log_part metrics, usage, valid, samples;
    *log = (run_log){.last_validation = -1};
    // All logs are checked before any is truncated: a run that is refused is not changed.
    TRY(check_log(run, "metrics.jsonl", steps_done - 1, true, &metrics));
    TRY(check_log(run, "usage.jsonl", steps_done - 1, false, &usage));
    TRY(check_log(run, "valid.jsonl", steps_done, false, &valid));
    TRY(check_log(run, "samples.jsonl", steps_done, false, &samples));
    log->last_validation = valid.kept.newest;
    sigmoe_status status = open_cut(&metrics, &log->metrics);
    if (status == SIGMOE_OK) status = open_cut(&usage, &log->usage);
    if (status == SIGMOE_OK) status = open_cut(&valid, &log->valid);
    if (status == SIGMOE_OK && (watching->sample_prompt || path_exists(samples.path)))
        status = open_cut(&samples, &log->samples);
    // Steps of TensorBoard are numbers of steps done (train/run_events.h).
    if (status == SIGMOE_OK && watching->tensorboard)
        status = event_file_open(&log->events, run, steps_done + 1);
    if (status == SIGMOE_OK) status = path_sync(run); // later checkpoints depend on the logs
    if (status != SIGMOE_OK) run_log_close(log);
    return status;
}

void run_log_close(run_log *log) {
    if (log->metrics) fclose(log->metrics);
    if (log->valid) fclose(log->valid);
    if (log->usage) fclose(log->usage);
    if (log->samples) fclose(log->samples);
    event_file_close(&log->events);
    log->metrics = log->valid = log->usage = log->samples = NULL;
}

// ---------------------------------------------------------------- lines

static sigmoe_status write_line(FILE *file, const char *name, const json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory for a line of %s", name);
    bool written = fprintf(file, "%s\n", text) >= 0 && fflush(file) == 0;
    free(text);
    return written ? SIGMOE_OK : fail_errno("cannot write %s; earlier checkpoints are whole", name);
}

static sigmoe_status put_finite(json_t *object, const char *key, double value) {
    return json_put(object, key, json_finite(value));
}

static sigmoe_status fill_step(json_t *line, const step_report *report) {
    TRY(json_put(line, "step", json_integer(report->step)));
    TRY(put_finite(line, "loss", report->loss));
    TRY(put_finite(line, "reg", report->regularizer));
    TRY(put_finite(line, "grad_norm", report->gradient_norm));
    TRY(put_finite(line, "lr", report->lr));
    return put_finite(line, "tokens_per_s", report->tokens_per_second);
}

sigmoe_status run_log_step(run_log *log, const step_report *report) {
    if (!log->metrics) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_step(line, report);
    if (status == SIGMOE_OK) status = write_line(log->metrics, "metrics.jsonl", line);
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
    if (!log->valid) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_validation(line, steps_done, scores);
    if (status == SIGMOE_OK) status = write_line(log->valid, "valid.jsonl", line);
    json_decref(line);
    if (status == SIGMOE_OK && log->events.stream)
        status = run_events_validation(&log->events, steps_done, scores);
    return status;
}

sigmoe_status run_log_usage(run_log *log, int64_t step, const ff_statistics *s) {
    json_t *line;
    if (!log->usage) return SIGMOE_OK;
    TRY(usage_to_json(step, s, &line));
    sigmoe_status status = write_line(log->usage, "usage.jsonl", line);
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
    if (!log->samples) return SIGMOE_OK;
    json_t *line = json_object();
    sigmoe_status status = fill_sample(line, steps_done, prompt, text, size);
    if (status == SIGMOE_OK) status = write_line(log->samples, "samples.jsonl", line);
    json_decref(line);
    return status;
}

sigmoe_status run_log_sync(run_log *log) {
    if (log->metrics && fsync(fileno(log->metrics)) != 0) return fail_errno("cannot sync metrics.jsonl");
    if (log->valid && fsync(fileno(log->valid)) != 0) return fail_errno("cannot sync valid.jsonl");
    if (log->usage && fsync(fileno(log->usage)) != 0) return fail_errno("cannot sync usage.jsonl");
    if (log->samples && fsync(fileno(log->samples)) != 0) return fail_errno("cannot sync samples.jsonl");
    return SIGMOE_OK;
}
