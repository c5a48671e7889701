// The sizes and hash of a raw text that arrives in pieces: what meta.json records for a split.
#pragma once

#include "data/text_counter.h"
#include "system/sha256.h"

typedef struct raw_measure {
    int64_t bytes;
    text_counter counter;
    struct sha256_ctx hash;
} raw_measure;

static inline void raw_measure_begin(raw_measure *m) {
    *m = (raw_measure){0};
    sha256_init(&m->hash);
}

static inline void raw_measure_add(raw_measure *m, const void *bytes, size_t count) {
    m->bytes += (int64_t)count;
    text_counter_add(&m->counter, bytes, count);
    sha256_update(&m->hash, count, bytes);
}
