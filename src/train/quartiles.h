// Medians and quartiles of repeated measurements: unlike a mean, they are not dominated by one slow step or run.
#pragma once

#include "base/status.h"

#include <jansson.h>

typedef struct quartiles {
    double low, median, high; // the middle half lies between low and high; NaN: nothing was measured
} quartiles;
quartiles quartiles_of(double *values, int count); // sorts them

// Every `stride`-th step of any number, so that a long run needs no more room than a short one.
enum { MOST_SAMPLES = 1024 };
typedef struct step_samples {
    int64_t stride, steps; // stride: a power of 2; 0: as 1
    int count;
    double values[MOST_SAMPLES];
} step_samples; // starts as {0}
void step_samples_add(step_samples *s, double value);
// Joins measurements from before and after an interruption.
void step_samples_join(step_samples *before, const step_samples *after);
quartiles step_samples_quartiles(const step_samples *s);

// To {"stride": 2, "seconds": [...]}, released by the caller, and back.
sigmoe_status step_samples_to_json(const step_samples *s, json_t **out);
sigmoe_status step_samples_from_json(const json_t *object, const char *path, step_samples *out);
