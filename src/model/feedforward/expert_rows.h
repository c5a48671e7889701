// Where the rows are that belong to (token, choice) pairs, when experts are spread over processes: here, by the pairs' sorted
// positions, and in the process that has the expert, in chunks: of a few of its experts each, whose rows from all processes lie one
// behind the other. While one chunk is computed, others travel.
#pragma once

#include "base/arena.h"
#include "kernels/expert_ffn/expert_ffn.h"
#include "model/expert_exchange.h"

typedef struct expert_rows {
    const expert_exchange *exchange;
    const expert_grouping *pairs; // of this process's tokens, by all experts
    int64_t experts;              // that each part has
    int64_t chunks;
    const int64_t *count; // [parts, experts]: rows that come from a part for each expert here
    // [chunks * parts + 1]: where the rows of a chunk from a part begin; the last: how many there are.
    const int64_t *first;
} expert_rows;

// Tells the other parts how many rows are for their experts; the arrays of *out are in `home`, `pairs` stays the caller's.
sigmoe_status expert_rows_count(
    const expert_exchange *exchange, const expert_grouping *pairs, arena *home, expert_rows *out);

// The first expert of a chunk, of those that a part has.
static inline int64_t expert_rows_cut(const expert_rows *rows, int64_t chunk) {
    return rows->experts * chunk / rows->chunks;
}
static inline int64_t expert_rows_first(const expert_rows *rows, int64_t chunk) {
    return rows->first[chunk * rows->exchange->parts];
}
static inline int64_t expert_rows_all(const expert_rows *rows) {
    return expert_rows_first(rows, rows->chunks);
}

// The way of rows of `size` bytes to the experts or back.
typedef struct expert_journey {
    const expert_rows *rows;
    char *at_tokens;  // [pairs, size], by sorted position
    char *at_experts; // [all rows, size]
    size_t size;
    bool back;
    void **waves; // [chunks]; NULL: not under way
} expert_journey;

sigmoe_status expert_journey_begin(expert_journey *j, int64_t chunk, arena *scratch);
sigmoe_status expert_journey_poll(const expert_journey *j, int64_t chunk);
sigmoe_status expert_journey_finish(expert_journey *j, int64_t chunk);
// Of all chunks that are under way; `status` as in expert_exchange.finish.
sigmoe_status expert_journey_end(expert_journey *j, sigmoe_status status);
