// A pool's timeline as a file that chrome://tracing and Perfetto show.
#pragma once

#include "base/timeline.h"

// More of what happened at the time: spans that do not overlap.
typedef struct trace_row {
    const char *name;
    const timeline_span *spans;
    int64_t count;
} trace_row;

sigmoe_status trace_write(const timeline *t, const trace_row *more, int rows, const char *path);
