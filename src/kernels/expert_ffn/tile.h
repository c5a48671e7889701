// What a tile multiplies, and what it fetches meanwhile. Included after the sizes of tiles:
//   ROWS x COLS    of a tile, at most
//   DEPTH_STEP     what depths are padded to with zeros
//   STEP_VECTORS   vectors a step of depth, where a is packed by step
//   STREAMS        lines fetched every LANES steps
#pragma once

#include <stdint.h>

enum { LINE = 64, MOST_SPANS = 520 }; // bytes of a cache line

// Memory that will be wanted soon: each tile has some of its lines fetched while it multiplies.
typedef struct lookahead {
    struct span {
        const char *start;
        int64_t bytes;
    } spans[MOST_SPANS];
    int count, current; // spans before the current one are done
    int64_t done;       // of the current one
} lookahead;

static inline void want_nothing(lookahead *soon) {
    soon->count = soon->current = 0;
    soon->done = 0;
}

static inline void want_soon(lookahead *soon, const void *start, int64_t bytes) {
    int64_t before = (int64_t)((uintptr_t)start % LINE); // whole lines
    if (bytes > 0) soon->spans[soon->count++] = (struct span){(const char *)start - before, bytes + before};
}

// c[r][first ... first + cols) = (or +=) Σ_k a(r, k) · b[k][0 ... cols); a step of depth is a word.
typedef struct tile {
    int64_t depth;
    const word *a;
    const word *b;              // [depth, COLS]
    float *const *c;            // start of each row
    int64_t first, cols;        // cols <= COLS
    const char *ahead[STREAMS]; // a line of each is fetched every LANES steps
} tile;

static inline void take_ahead(lookahead *soon, tile *t) {
    for (int i = 0; i < STREAMS; i++) {
        t->ahead[i] = (const char *)t->a; // nothing left: what is in cache anyway
        if (soon->current == soon->count) continue;
        const struct span *span = &soon->spans[soon->current];
        t->ahead[i] = span->start + soon->done;
        soon->done += (t->depth + LANES - 1) / LANES * LINE + LINE;
        if (soon->done < span->bytes) continue;
        soon->done = 0;
        soon->current++;
    }
}
