// What a pool's calling thread was at, and when each thread worked: the instrument behind `bench step --breakdown` and `bench layer
// --trace`. A pool without a timeline, which is every pool outside benchmarks, pays a comparison for each round and part.
#pragma once

#include "base/status.h"

#include <stdint.h>

// [begin, end), in nanoseconds of nanoseconds_now().
typedef struct timeline_span {
    const char *part;
    int64_t begin, end;
} timeline_span;

typedef struct timeline timeline;

sigmoe_status timeline_create(int threads, timeline **out);
void timeline_destroy(timeline *t); // NULL is allowed
// Forgets everything, and begins now with `part`.
void timeline_begin(timeline *t, const char *part);

// The calling thread turns to `part`, a text that stays; returns what it was at. All its time belongs to one part.
const char *timeline_turn_to(timeline *t, const char *part);
// `thread` worked on a round of the part that the calling thread is at, from `begin` to now.
void timeline_worked(timeline *t, int thread, int64_t begin);

// What the calling thread was at, in order and without gaps, up to the last turn; and the rounds of one thread.
const timeline_span *timeline_parts(const timeline *t, int64_t *count);
const timeline_span *timeline_rounds(const timeline *t, int thread, int64_t *count);
int timeline_threads(const timeline *t);
// Whether there were more spans than there is room for; then the last ones are missing.
bool timeline_is_full(const timeline *t);
