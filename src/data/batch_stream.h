// Cuts a split of n tokens into B parallel streams of len = ⌊(n-1)/B⌋ tokens: stream b is tokens [b·len, (b+1)·len). Step t
// feeds [b·len + t·T, +T) and predicts the next token. Training drops a last segment shorter than T, evaluation keeps it.
#pragma once

#include "data/dataset.h"

typedef struct batch_stream {
    const token_split *split; // borrowed
    int64_t batch, unroll;
    int64_t length;       // len
    int64_t first, count; // streams that are read: all, unless batch_stream_share says otherwise
    bool keep_rest;
    int64_t position; // tokens of each stream consumed in this epoch: the cursor
    int64_t epoch;
} batch_stream;

// Fails if a stream would be shorter than one segment (training) or empty. limit_tokens > 0: uses only the split's first
// limit_tokens + 1 tokens.
sigmoe_status batch_stream_open(batch_stream *s, const token_split *split, int64_t batch, int64_t unroll,
    bool keep_rest, int64_t limit_tokens);
// Checks whether such a stream can be opened on a split of `data`; the message names the split.
sigmoe_status batch_stream_check(const dataset *data, const char *split, int64_t batch, int64_t unroll,
    bool keep_rest, int64_t limit_tokens);
// Reads streams [first, first + count) alone from now on; count may be 0.
void batch_stream_share(batch_stream *s, int64_t first, int64_t count);
int64_t batch_stream_steps_per_epoch(const batch_stream *s);
// Returns the next segment: inputs and targets [count, *length] (capacity count * unroll). *new_epoch: memory must be reset
// before it. At the end of an epoch the next one begins; evaluation ends instead, with *length = 0. If the tokens cannot be
// read, the cursor does not move.
sigmoe_status batch_stream_next(
    batch_stream *s, int32_t *inputs, int32_t *targets, int64_t *length, bool *new_epoch);
