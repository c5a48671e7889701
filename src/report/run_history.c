#include "report/run_history.h"

#include "formats/json_lines.h"

#include <math.h>

static const char *const keys[STEP_NUMBERS] = {
    [STEP_LOSS] = "loss", [STEP_GRADIENT] = "grad_norm", [STEP_RATE] = "lr", [STEP_SPEED] = "tokens_per_s"};

static void take_line(
    const json_t *line, int64_t step, run_history *h, int counts[STEP_NUMBERS][MOST_PARTS]) {
    int part = (int)(step * h->parts / h->steps);
    for (int k = 0; k < STEP_NUMBERS; k++) {
        const json_t *value = json_object_get(line, keys[k]);
        double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (!isfinite(number)) continue;
        int count = ++counts[k][part];
        double before = count == 1 ? 0 : h->mean[k][part];
        h->mean[k][part] = before + (number - before) / count;
        h->least[k][part] = fmin(h->least[k][part], number);
        h->most[k][part] = fmax(h->most[k][part], number);
    }
}

static sigmoe_status take_lines(json_lines *lines, run_history *h) {
    int counts[STEP_NUMBERS][MOST_PARTS] = {0};
    h->steps = json_lines_count(lines);
    h->parts = h->steps < MOST_PARTS ? (int)h->steps : MOST_PARTS;
    for (int i = 0; i < h->parts; i++) {
        h->at[i] = (double)h->steps * (i + 0.5) / h->parts;
        for (int k = 0; k < STEP_NUMBERS; k++) h->mean[k][i] = h->least[k][i] = h->most[k][i] = NAN;
    }
    for (int64_t step = 0;; step++) {
        json_t *line;
        TRY(json_lines_next(lines, &line));
        if (!line) return SIGMOE_OK;
        if (step < h->steps) take_line(line, step, h, counts);
        json_decref(line);
    }
}

sigmoe_status run_history_read(const char *run, run_history *out) {
    char path[PATH_CAPACITY];
    json_lines lines;
    *out = (run_history){0};
    TRY(path_format(path, "%s/metrics.jsonl", run));
    TRY(json_lines_open(path, &lines));
    sigmoe_status status = take_lines(&lines, out);
    json_lines_close(&lines);
    return status;
}
