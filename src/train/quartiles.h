// The middle of what was measured often: one slow step or run must not rule a figure as it rules a mean.
#pragma once

#include "base/status.h"

#include <jansson.h>

typedef struct quartiles {
    double low, median, high; // the middle half lies between low and high; NaN: nothing was measured
} quartiles;
quartiles quartiles_of(double *values, int count); // sorts them

// Evenly chosen of however many steps, so that a long run takes no more room than a short one: every `stride`-th.
enum { MOST_SAMPLES = 1024 };
typedef struct step_samples {
    int64_t stride, steps; // stride: a power of 2; 0: as 1
    int count;
    double values[MOST_SAMPLES];
} step_samples; // starts as {0}
void step_samples_add(step_samples *s, double value);
// What was measured before an interruption and what after it.
void step_samples_join(step_samples *before, const step_samples *after);
quartiles step_samples_quartiles(const step_samples *s);

// {"stride": 2, "seconds": [...]}, the caller's to release, and back.
sigmoe_status step_samples_to_json(const step_samples *s, json_t **out);
sigmoe_status step_samples_from_json(const json_t *object, const char *path, step_samples *out);
