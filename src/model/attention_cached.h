// The attention block of a layer for texts that go on: keys and values of their earlier rows come from caches.
#pragma once

#include "model/attention.h"
#include "model/text_cache.h"

// Projected sinusoids, for all layers: one ring a layer, [heads, capacity, d_h] of `type`, in which row capacity - 1 - p is that
// of distance p. They depend on the weights alone, and each is computed when a text is first long enough to need it.
typedef struct position_rings {
    dtype type;
    int64_t layers, heads, width, capacity; // width: d_h
    int64_t distances;                      // computed so far: 0 ... distances - 1
    void **rings;                           // [layers]
} position_rings;
sigmoe_status position_rings_create(
    const model_config *config, dtype type, int64_t capacity, arena *a, position_rings *out);
// Makes sure of the distances below `count`, at most the capacity. `attention` [layers]: the blocks.
sigmoe_status position_rings_reach(
    const kernel_context *kernel, position_rings *p, const attention_layer *const *attention, int64_t count);

// The newest rows of texts, and what they see.
typedef struct cached_pass {
    int64_t texts; // 1: all rows are the next ones of one text; otherwise each row is the next one of its own
    text_cache *const *caches; // [texts]
    const int64_t *first;      // [texts]: the oldest position that the rows see
    const position_rings *positions;
} cached_pass;

// x [n, d] -> y [n, d], overwritten. Stores the rows' keys and values in the caches, which the caller advances.
sigmoe_status attention_cached_forward(
    const attention_layer *layer, step_context *step, const cached_pass *pass, matrix x, matrix y);
