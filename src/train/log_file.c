#include "train/log_file.h"

#include "formats/json_parse.h"
#include "formats/json_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---------------------------------------------------------------- checking

// The step of a JSON line; -1 if it is not such a line.
static int64_t line_step(const char *line, size_t length) {
    json_t *object = json_parse(line, length, 0, NULL);
    const json_t *step = json_object_get(object, "step");
    int64_t value = json_is_integer(step) ? json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

// The leading lines that are complete, in order, and of steps up to the last.
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

static const char REMEDY[] = "restore the file, or begin a new run from the checkpoint with `init`";

static sigmoe_status check_lines(const file_map *map, int64_t last, bool dense, log_part *part) {
    kept_lines kept = lines_until(map, last, dense);
    part->kept = (int64_t)kept.bytes;
    part->newest = kept.newest;
    if (!lines_lost(map, &kept, last, dense)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s: line %" PRId64
        " is missing, damaged or out of order, though the checkpoint is of a later step; %s",
        part->path, kept.count + 1, REMEDY);
}

// The checkpoint was written when the log had so many bytes.
static sigmoe_status check_sum(const file_map *map, const file_sum *written, log_part *part) {
    struct sha256_ctx state = part->sum;
    char hex[SHA256_HEX];
    sha256_hex(&state, hex);
    if ((int64_t)map->size < written->bytes)
        return fail(SIGMOE_BAD_FORMAT,
            "%s has %zu byte%s, and had %" PRId64 " when the checkpoint was written; %s", part->path,
            map->size, plural((int64_t)map->size), written->bytes, REMEDY);
    if (part->kept == written->bytes && strcmp(hex, written->sha256) == 0) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "%s is not as it was when the checkpoint was written; %s", part->path, REMEDY);
}

static sigmoe_status check_bytes(
    file_map map, const file_sum *written, int64_t last, bool dense, log_part *part) {
    // What follows was written after the checkpoint.
    if (written && (int64_t)map.size > written->bytes) map.size = (size_t)written->bytes;
    TRY(check_lines(&map, last, dense, part));
    if (part->kept > 0) sha256_update(&part->sum, (size_t)part->kept, map.bytes);
    return written ? check_sum(&map, written, part) : SIGMOE_OK;
}

sigmoe_status log_check(
    const char *run, const char *name, const json_t *sums, int64_t last, bool dense, log_part *part) {
    file_map map = {0};
    file_sum written;
    bool known;
    *part = (log_part){.name = name};
    sha256_init(&part->sum);
    TRY(file_sum_get(sums, name, &written, &known));
    TRY(path_format(part->path, "%s/%s", run, name));
    TRY(file_appendable(part->path));
    if (path_exists(part->path)) TRY(file_map_open(part->path, &map));
    part->size = (int64_t)map.size;
    sigmoe_status status = check_bytes(map, known ? &written : NULL, last, dense, part);
    file_map_close(&map);
    return status;
}

// ---------------------------------------------------------------- writing

sigmoe_status log_open(const log_part *part, log_file *log) {
    *log = (log_file){.name = part->name, .bytes = part->kept, .sum = part->sum};
    TRY(file_append(part->path, &log->stream));
    if (part->kept >= part->size || ftruncate(fileno(log->stream), (off_t)part->kept) == 0) return SIGMOE_OK;
    return fail_errno("cannot cut %s", part->path);
}

void log_close(log_file *log) {
    if (log->stream) fclose(log->stream);
    log->stream = NULL;
}

sigmoe_status log_write(log_file *log, const json_t *object) {
    char *text = json_print(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory for a line of %s", log->name);
    size_t length = strlen(text);
    text[length] = '\n'; // in place of the 0
    bool written = fwrite(text, 1, length + 1, log->stream) == length + 1 && fflush(log->stream) == 0;
    log->bytes += (int64_t)length + 1;
    sha256_update(&log->sum, length + 1, (const uint8_t *)text);
    free(text);
    return written ? SIGMOE_OK : fail_errno("cannot write %s; earlier checkpoints are whole", log->name);
}

sigmoe_status log_sync(log_file *log) {
    if (!log->stream || fsync(fileno(log->stream)) == 0) return SIGMOE_OK;
    return fail_errno("cannot sync %s", log->name);
}

sigmoe_status log_add_sum(const log_file *log, json_t *sums) {
    file_sum sum = {.bytes = log->bytes};
    struct sha256_ctx state = log->sum; // computing the sum resets it
    if (!log->stream) return SIGMOE_OK;
    sha256_hex(&state, sum.sha256);
    return file_sum_put(sums, log->name, &sum);
}
