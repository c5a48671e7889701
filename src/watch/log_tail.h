// Reads a log that grows, a JSON object a line, without reading again what was read.
#pragma once

#include "system/path.h"

#include <jansson.h>

typedef struct log_tail {
    char path[PATH_CAPACITY];
    int64_t offset; // bytes read, up to the end of a line
    int64_t lines;  // read
    uint64_t file;  // which file was read, since another may take its place
} log_tail;

// Takes what a line says. `last`: no complete line follows it now.
typedef sigmoe_status log_take(void *context, const json_t *line, bool last);
// Calls `take` for each complete line that was added; a file that does not exist has none. *cut: a resumed run cut the log, or it
// was replaced, and the tail stands at its beginning again; nothing was read then.
sigmoe_status log_tail_read(log_tail *t, log_take *take, void *context, bool *cut);
