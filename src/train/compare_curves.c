#include "train/compare_curves.h"

#include "formats/file.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static double number(const json_t *line, const char *key) {
    const json_t *value = json_object_get(line, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

typedef struct line_reader {
    const char *path;
    file_map map;
    size_t position;
    int number;
} line_reader;

// The next line as an object; NULL at the end. An error for a line that is none.
static sigmoe_status next_line(line_reader *r, json_t **out) {
    *out = NULL;
    if (r->position >= r->map.size) return SIGMOE_OK;
    const char *line = (const char *)r->map.bytes + r->position;
    const char *end = memchr(line, '\n', r->map.size - r->position);
    size_t length = end ? (size_t)(end - line) : r->map.size - r->position;
    r->position += length + 1;
    r->number++;
    *out = json_loadb(line, length, 0, NULL);
    if (json_is_object(*out)) return SIGMOE_OK;
    json_decref(*out);
    return fail(SIGMOE_BAD_FORMAT, "%s, line %d is no JSON object", r->path, r->number);
}

static size_t count_lines(const file_map *map) {
    size_t lines = map->size > 0;
    for (size_t i = 0; i + 1 < map->size; i++) lines += map->bytes[i] == '\n';
    return lines;
}

static sigmoe_status read_metrics(line_reader *r, int64_t step_tokens, arena *a, run_curve *out) {
    size_t capacity = count_lines(&r->map);
    double seconds = 0;
    TRY(ARENA_NEW(a, out->loss, capacity));
    TRY(ARENA_NEW(a, out->seconds, capacity));
    for (json_t *line;;) {
        TRY(next_line(r, &line));
        if (!line) return SIGMOE_OK;
        double rate = number(line, "tokens_per_s");
        if (rate > 0) seconds += (double)step_tokens / rate;
        out->loss[out->steps] = number(line, "loss");
        out->seconds[out->steps++] = seconds;
        json_decref(line);
    }
}

static sigmoe_status read_validations(line_reader *r, int64_t step_tokens, arena *a, run_curve *out) {
    (void)step_tokens;
    TRY(ARENA_NEW(a, out->validation, count_lines(&r->map)));
    for (json_t *line;;) {
        TRY(next_line(r, &line));
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

typedef sigmoe_status read_function(line_reader *r, int64_t step_tokens, arena *a, run_curve *out);

static sigmoe_status read_log(
    const char *run, const char *name, read_function *read, int64_t step_tokens, arena *a, run_curve *out) {
    char path[PATH_CAPACITY];
    line_reader reader = {.path = path};
    TRY(path_format(path, "%s/%s", run, name));
    TRY(file_map_open(path, &reader.map));
    sigmoe_status status = read(&reader, step_tokens, a, out);
    file_map_close(&reader.map);
    return status;
}

sigmoe_status run_curve_read(const char *run, int64_t step_tokens, arena *a, run_curve *out) {
    *out = (run_curve){0};
    TRY(read_log(run, "metrics.jsonl", read_metrics, step_tokens, a, out));
    return read_log(run, "valid.jsonl", read_validations, step_tokens, a, out);
}
