// usage.jsonl: what the feedforward blocks did with the batches of a training: a line of every USAGE_EVERY-th step, so often
// that collapse and specialization can be seen and so rarely that counting costs nothing.
#pragma once

#include "model/feedforward/statistics.h"

#include <jansson.h>

enum { USAGE_EVERY = 25 };

// The line of a step, from what was counted in it; the caller's to release.
sigmoe_status usage_to_json(int64_t step, const ff_statistics *s, json_t **out);

typedef struct usage_history {
    int64_t records, layers, experts;
    int64_t *step;  // [records], ascending
    double *active; // [records, layers]: channels above 0, mean over the batch's tokens
    double *share;  // [records, layers, experts] of the layer's selection weight
} usage_history;

// Reads `run`'s file, in the arena; no records where it has none. An error where it is not about a model of that shape.
sigmoe_status usage_history_read(
    const char *run, int64_t layers, int64_t experts, arena *a, usage_history *out);
static inline const double *usage_shares(const usage_history *u, int64_t record, int64_t layer) {
    return u->share + (record * u->layers + layer) * u->experts;
}
