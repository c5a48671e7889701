#include "watch/log_tail.h"

#include "formats/json_parse.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, LONGEST_LINE = 1 << 26 };

static void begin_anew(log_tail *t) {
    t->offset = t->lines = 0;
}

static sigmoe_status take_line(
    log_tail *t, const char *line, size_t size, bool last, log_take *take, void *context) {
    json_t *object = json_parse(line, size, 0, NULL);
    t->lines++;
    sigmoe_status status = json_is_object(object) ? take(context, object, last)
                                                  : fail(SIGMOE_BAD_FORMAT, "this is no JSON object");
    json_decref(object);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s, line %" PRId64, t->path, t->lines);
}

// The complete lines of a piece of the file; *used of its bytes.
static sigmoe_status take_lines(
    log_tail *t, const char *bytes, size_t size, bool at_end, log_take *take, void *context, size_t *used) {
    *used = 0;
    for (;;) {
        const char *line = bytes + *used, *end = memchr(line, '\n', size - *used);
        if (!end) return SIGMOE_OK;
        size_t next = *used + (size_t)(end - line) + 1;
        bool last = at_end && !memchr(bytes + next, '\n', size - next);
        TRY(take_line(t, line, (size_t)(end - line), last, take, context));
        *used = next;
        t->offset += end - line + 1;
    }
}

// From the offset to the end that the file has now. A line that has no end yet is left for later.
static sigmoe_status read_from(
    log_tail *t, int descriptor, int64_t size, char **buffer, log_take *take, void *context) {
    size_t room = CHUNK, used;
    while (t->offset < size) {
        size_t wanted = size - t->offset < (int64_t)room ? (size_t)(size - t->offset) : room;
        char *larger = realloc(*buffer, room);
        if (!larger) return fail(SIGMOE_NO_MEMORY, "no memory to read %s", t->path);
        *buffer = larger;
        ssize_t got = pread(descriptor, *buffer, wanted, t->offset);
        if (got < 0) return fail_errno("cannot read %s", t->path);
        bool at_end = t->offset + got >= size || got == 0;
        TRY(take_lines(t, *buffer, (size_t)got, at_end, take, context, &used));
        if (used == 0 && at_end) return SIGMOE_OK;
        if (used > 0) continue;
        room *= 2;
        if (room > LONGEST_LINE)
            return fail(SIGMOE_BAD_FORMAT, "%s: line %" PRId64 " is longer than any of a run's", t->path,
                t->lines + 1);
    }
    return SIGMOE_OK;
}

sigmoe_status log_tail_read(log_tail *t, log_take *take, void *context, bool *cut) {
    int descriptor;
    int64_t size;
    struct stat about;
    char *buffer = NULL;
    *cut = false;
    if (!path_exists(t->path)) {
        *cut = t->offset > 0;
        begin_anew(t);
        return SIGMOE_OK;
    }
    TRY(file_open(t->path, &descriptor, &size));
    uint64_t file = fstat(descriptor, &about) == 0 ? (uint64_t)about.st_ino : 0;
    *cut = t->offset > 0 && (size < t->offset || file != t->file);
    t->file = file;
    sigmoe_status status = SIGMOE_OK;
    if (*cut)
        begin_anew(t);
    else
        status = read_from(t, descriptor, size, &buffer, take, context);
    free(buffer);
    close(descriptor);
    return status;
}
