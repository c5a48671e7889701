#include "base/timeline.h"

#include "base/clock.h"

#include <stdalign.h>
#include <stdlib.h>

enum { MOST_SPANS = 1 << 16, LINE = 64 };

// Written by one thread alone, and so on cache lines of its own.
typedef struct span_log {
    alignas(LINE) int64_t count;
    bool full;
    timeline_span *spans; // [MOST_SPANS]
} span_log;

struct timeline {
    const char *part; // that the calling thread is at
    int64_t since;
    int threads;
    span_log *logs; // [1 + threads]: the calling thread's parts, then each thread's rounds
};

static sigmoe_status logs_new(timeline *t) {
    size_t count = (size_t)t->threads + 1;
    t->logs = aligned_alloc(LINE, count * sizeof *t->logs);
    if (!t->logs) return fail(SIGMOE_NO_MEMORY, "no memory for a timeline");
    for (size_t i = 0; i < count; i++) t->logs[i] = (span_log){0};
    for (size_t i = 0; i < count; i++) {
        t->logs[i].spans = calloc(MOST_SPANS, sizeof *t->logs[i].spans);
        if (!t->logs[i].spans) return fail(SIGMOE_NO_MEMORY, "no memory for a timeline");
    }
    return SIGMOE_OK;
}

sigmoe_status timeline_create(int threads, timeline **out) {
    timeline *t = calloc(1, sizeof *t);
    if (!t) return fail(SIGMOE_NO_MEMORY, "no memory for a timeline");
    t->threads = threads;
    sigmoe_status status = logs_new(t);
    if (status == SIGMOE_OK)
        *out = t;
    else
        timeline_destroy(t);
    return status;
}

void timeline_destroy(timeline *t) {
    if (!t) return;
    for (int i = 0; t->logs && i <= t->threads; i++) free(t->logs[i].spans);
    free(t->logs);
    free(t);
}

void timeline_begin(timeline *t, const char *part) {
    for (int i = 0; i <= t->threads; i++) {
        t->logs[i].count = 0;
        t->logs[i].full = false;
    }
    t->part = part;
    t->since = nanoseconds_now();
}

static void note(span_log *log, timeline_span span) {
    if (log->count < MOST_SPANS)
        log->spans[log->count++] = span;
    else
        log->full = true;
}

const char *timeline_turn_to(timeline *t, const char *part) {
    const char *before = t->part;
    int64_t now = nanoseconds_now();
    note(&t->logs[0], (timeline_span){before, t->since, now});
    t->since = now;
    t->part = part;
    return before;
}

void timeline_worked(timeline *t, int thread, int64_t begin) {
    note(&t->logs[1 + thread], (timeline_span){t->part, begin, nanoseconds_now()});
}

const timeline_span *timeline_parts(const timeline *t, int64_t *count) {
    *count = t->logs[0].count;
    return t->logs[0].spans;
}

const timeline_span *timeline_rounds(const timeline *t, int thread, int64_t *count) {
    *count = t->logs[1 + thread].count;
    return t->logs[1 + thread].spans;
}

int timeline_threads(const timeline *t) {
    return t->threads;
}

bool timeline_is_full(const timeline *t) {
    for (int i = 0; i <= t->threads; i++)
        if (t->logs[i].full) return true;
    return false;
}
