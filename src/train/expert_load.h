// usage.jsonl: what the feedforward blocks did with the batches of a training, a line for every USAGE_EVERY-th step: often
// enough to show collapse and specialization, and rarely enough that counting costs next to nothing.
#pragma once

#include "model/feedforward/statistics.h"

#include <jansson.h>

enum { USAGE_EVERY = 25 };

// A step's line, from its statistics; the caller releases it.
sigmoe_status usage_to_json(int64_t step, const ff_statistics *s, json_t **out);

typedef struct usage_history {
    int64_t records, layers, experts;
    int64_t *step;  // [records], ascending
    double *active; // [records, layers]: channels above 0, mean over the batch's tokens
    double *share;  // [records, layers, experts]: share of the layer's selection weight
} usage_history;

// Reads the file of `run`, into the arena; no records if there is none. Fails if it is for a model of another shape.
sigmoe_status usage_history_read(
    const char *run, int64_t layers, int64_t experts, arena *a, usage_history *out);
// The number of equally used experts that would have the same entropy as the layer's shares, in % of all experts.
double usage_effective_percent(const usage_history *u, int64_t record, int64_t layer);
static inline const double *usage_shares(const usage_history *u, int64_t record, int64_t layer) {
    return u->share + (record * u->layers + layer) * u->experts;
}
