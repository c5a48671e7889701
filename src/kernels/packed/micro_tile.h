// What a micro-kernel multiplies, and what it fetches meanwhile. Included by a header of micro-kernels, after its sizes:
//   MR, NR, KR                    rows and columns of a micro-tile, at most; what depths are padded to
//   PANEL_VECTORS                 vectors a step of depth, where a is packed by step
//   STREAMS                       lines fetched every LANES steps
// and which defines:
//   micro_kernel_begin(), micro_kernel_end()      around a task's products
//   micro_kernel_by_row(rows, tile)               c (+)= a · b of that many rows, a packed by row
//   micro_kernel_by_step(rows, tile)              the same, a packed by step
//   finish_steps(a, depth)                        after all steps of a panel of a by step are packed
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LINE = 64, QUEUE_SPANS = 520 }; // bytes of a cache line

// Memory that will be wanted soon: each micro-kernel fetches some of its lines while it multiplies.
typedef struct prefetch_queue {
    struct span {
        const char *start;
        int64_t lines, step; // bytes from one to the next
    } spans[QUEUE_SPANS];
    int count, current; // spans before the current one are done
    int64_t done;       // of the current one
} prefetch_queue;

static inline void prefetch_queue_clear(prefetch_queue *queue) {
    queue->count = queue->current = 0;
    queue->done = 0;
}

static inline void prefetch_queue_add(prefetch_queue *queue, const void *start, int64_t bytes) {
    int64_t before = (int64_t)((uintptr_t)start % LINE); // whole lines
    if (bytes > 0)
        queue->spans[queue->count++] =
            (struct span){(const char *)start - before, (bytes + before + LINE - 1) / LINE, LINE};
}

// `bytes` of each of `rows` rows, `step` bytes apart: in columns of lines, because rows are short.
static inline void prefetch_queue_add_rows(
    prefetch_queue *queue, const void *start, int64_t bytes, int64_t rows, int64_t step) {
    for (int64_t at = 0; at < bytes; at += LINE)
        queue->spans[queue->count++] = (struct span){(const char *)start + at, rows, step};
    queue->spans[queue->count++] = (struct span){(const char *)start + bytes - 1, rows, step};
}

// c[r][first ... first + cols) = (or +=) Σ_k a(r, k) · b[k][0 ... cols); a step of depth is a word.
typedef struct micro_tile {
    int64_t depth;
    const word *a;
    const word *b;       // [depth, NR]
    float *const *c;     // start of each row
    int64_t first, cols; // cols <= NR
    bool accumulate;
    // A line of each is fetched every LANES steps.
    struct {
        const char *line;
        int64_t step;
    } ahead[STREAMS];
} micro_tile;

static inline void prefetch_queue_take(prefetch_queue *queue, micro_tile *t) {
    for (int i = 0; i < STREAMS; i++) {
        t->ahead[i].line = (const char *)t->a; // nothing left: what is in cache anyway
        t->ahead[i].step = LINE;
        if (queue->current == queue->count) continue;
        const struct span *span = &queue->spans[queue->current];
        t->ahead[i].line = span->start + queue->done * span->step;
        t->ahead[i].step = span->step;
        queue->done += (t->depth + LANES - 1) / LANES + 1;
        if (queue->done < span->lines) continue;
        queue->done = 0;
        queue->current++;
    }
}
