#include "prepare/archive/byte_source.h"

#include "system/file.h"

#include <errno.h>
#include <unistd.h>

typedef struct file_source {
    int descriptor;
    const char *path;
} file_source;

static sigmoe_status read_file(void *context, void *buffer, size_t capacity, size_t *count) {
    const file_source *f = context;
    ssize_t got;
    do got = read(f->descriptor, buffer, capacity);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("cannot read %s", f->path);
    *count = (size_t)got;
    return SIGMOE_OK;
}

static void close_file(void *context) {
    close(((file_source *)context)->descriptor);
}

sigmoe_status file_source_open(const char *path, arena *a, byte_source *out) {
    file_source *f;
    int64_t size;
    TRY(ARENA_NEW(a, f, 1));
    f->path = arena_text(a, "%s", path);
    if (!f->path) return SIGMOE_NO_MEMORY;
    TRY(file_open(path, &f->descriptor, &size));
    *out = (byte_source){read_file, close_file, f};
    return SIGMOE_OK;
}

void byte_source_close(byte_source *source) {
    if (source->context) source->close(source->context);
    *source = (byte_source){0};
}

sigmoe_status byte_source_is_empty(byte_source *source, bool *empty) {
    char byte;
    size_t count = 0;
    sigmoe_status status = source->read(source->context, &byte, sizeof byte, &count);
    byte_source_close(source);
    *empty = status == SIGMOE_OK && count == 0;
    return status;
}
