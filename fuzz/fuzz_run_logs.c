// The logs of a run: as a resumed training, `watch` and the report of a comparison read them. The input's first byte is the number
// of steps that are done; each line goes to the log that its first byte names: m (metrics), v (valid), u (usage), s (samples).
#include "fuzz.h"

#include "compare/curves.h"
#include "formats/json_lines.h"
#include "system/file.h"
#include "train/run_log.h"
#include "watch/run_series.h"

#include <sys/stat.h>

enum { LOGS = 4, MOST_STEPS = 8 };
static const char letters[] = "mvus";
static const char *const names[LOGS] = {"metrics.jsonl", "valid.jsonl", "usage.jsonl", "samples.jsonl"};
static char run[FUZZ_PATH];

typedef struct log_text {
    char *bytes;
    size_t size;
} log_text;

static void add_line(log_text *log, const char *line, size_t size) {
    char *larger = realloc(log->bytes, log->size + size + 1);
    if (!larger) abort();
    log->bytes = larger;
    memcpy(log->bytes + log->size, line, size);
    log->size += size;
}

// Lines keep their newlines, so the last of the input is one that was not finished, unless it has one.
static void write_logs(const char *text, size_t size) {
    log_text logs[LOGS] = {{0}};
    for (size_t at = 0, next; at < size; at = next) {
        const char *end = memchr(text + at, '\n', size - at);
        next = end ? (size_t)(end - text) + 1 : size;
        const char *letter = strchr(letters, text[at]);
        if (letter && *letter) add_line(&logs[letter - letters], text + at + 1, next - at - 1);
    }
    for (int i = 0; i < LOGS; i++) {
        char name[FUZZ_PATH];
        snprintf(name, sizeof name, "run/%s", names[i]);
        input_write(name, logs[i].bytes ? logs[i].bytes : "", logs[i].size);
        free(logs[i].bytes);
    }
}

static int64_t size_of_logs(void) {
    int64_t all = 0;
    for (int i = 0; i < LOGS; i++) {
        char path[FUZZ_PATH], name[FUZZ_PATH];
        struct stat about;
        snprintf(name, sizeof name, "run/%s", names[i]);
        if (stat(input_path(path, name), &about) == 0) all += about.st_size;
    }
    return all;
}

static void watch(void) {
    run_series s;
    arena *a;
    run_curve curve;
    if (run_series_open(&s, run) == SIGMOE_OK && run_series_read(&s, true) == SIGMOE_OK)
        for (int64_t i = 1; i < s.steps.count; i++)
            if (s.steps.step[i] <= s.steps.step[i - 1]) abort();
    run_series_close(&s);
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (run_curve_read(run, 6, a, &curve) == SIGMOE_OK)
        for (int i = 0; i < curve.validations; i++)
            if (curve.validation[i].step > curve.steps) abort();
    arena_destroy(a);
}

// Returns whether the logs are accepted. Those that are refused are not changed, and those that were cut need no more cutting.
static bool open_logs(int64_t steps) {
    const run_watching nothing = {0};
    run_log log;
    int64_t before = size_of_logs();
    sigmoe_status status = run_log_open(&log, run, steps, &nothing, NULL);
    if (status == SIGMOE_OK) run_log_close(&log);
    if (status == SIGMOE_BAD_FORMAT && size_of_logs() != before) abort();
    return status == SIGMOE_OK;
}

static void check_cut_logs(int64_t steps) {
    json_lines lines;
    char path[FUZZ_PATH];
    int64_t before = size_of_logs();
    if (!open_logs(steps) || size_of_logs() != before) abort();
    if (json_lines_open(input_path(path, "run/metrics.jsonl"), &lines) != SIGMOE_OK) abort();
    if (json_lines_count(&lines) != steps) abort();
    json_lines_close(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0) return 0;
    if (!*run && mkdir(input_path(run, "run"), 0777) != 0) abort();
    int64_t steps = bytes[0] % MOST_STEPS;
    write_logs((const char *)bytes + 1, size - 1);
    watch();
    if (open_logs(steps)) check_cut_logs(steps);
    write_logs((const char *)bytes + 1, size - 1);
    fail_an_allocation(bytes, size);
    watch();
    (void)open_logs(steps);
    fail_no_allocation();
    return 0;
}
