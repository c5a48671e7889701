#include "compare/curves.h"

#include "formats/json_lines.h"

#include <math.h>

static double number(const json_t *line, const char *key) {
    const json_t *value = json_object_get(line, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static sigmoe_status read_metrics(json_lines *lines, int64_t step_tokens, arena *a, run_curve *out) {
    int64_t capacity = json_lines_count(lines);
    double seconds = 0;
    TRY(ARENA_NEW(a, out->loss, capacity));
    TRY(ARENA_NEW(a, out->seconds, capacity));
    TRY(ARENA_NEW(a, out->rate, capacity));
    for (json_t *line;;) {
        TRY(json_lines_next(lines, &line));
        if (!line) return SIGMOE_OK;
        double rate = number(line, "tokens_per_s");
        if (rate > 0) seconds += (double)step_tokens / rate;
        out->loss[out->steps] = number(line, "loss");
        out->rate[out->steps] = rate;
        out->seconds[out->steps++] = seconds;
        json_decref(line);
    }
}

static sigmoe_status read_validations(json_lines *lines, int64_t step_tokens, arena *a, run_curve *out) {
    (void)step_tokens;
    TRY(ARENA_NEW(a, out->validation, json_lines_count(lines)));
    for (json_t *line;;) {
        TRY(json_lines_next(lines, &line));
        if (!line) return SIGMOE_OK;
        double step = number(line, "step");
        validation_point *point = &out->validation[out->validations];
        *point = (validation_point){.nats_per_token = number(line, "nats_per_token"),
            .bits_per_char = number(line, "bits_per_char"),
            .bits_per_token = number(line, "bits_per_token"),
            .perplexity = number(line, "perplexity")};
        json_decref(line);
        if (!(step >= 0 && step <= (double)out->steps)) continue; // beyond the log of steps
        point->step = (int64_t)step;
        point->seconds = point->step > 0 ? out->seconds[point->step - 1] : 0;
        out->validations++;
    }
}

typedef sigmoe_status read_function(json_lines *lines, int64_t step_tokens, arena *a, run_curve *out);

static sigmoe_status read_log(
    const char *run, const char *name, read_function *read, int64_t step_tokens, arena *a, run_curve *out) {
    char path[PATH_CAPACITY];
    json_lines lines;
    TRY(path_format(path, "%s/%s", run, name));
    TRY(json_lines_open(path, &lines));
    sigmoe_status status = read(&lines, step_tokens, a, out);
    json_lines_close(&lines);
    return status;
}

sigmoe_status run_curve_read(const char *run, int64_t step_tokens, arena *a, run_curve *out) {
    *out = (run_curve){0};
    TRY(read_log(run, "metrics.jsonl", read_metrics, step_tokens, a, out));
    return read_log(run, "valid.jsonl", read_validations, step_tokens, a, out);
}
