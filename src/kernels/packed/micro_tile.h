// What a micro-kernel multiplies, and what it prefetches meanwhile. Included by a header of micro-kernels, after its sizes:
//   MR, NR, KR                    maximum rows and columns of a micro-tile; the multiple that depths are padded to
//   PANEL_VECTORS                 vectors per step of depth, if a is packed by step
//   STREAMS                       lines prefetched every LANES steps
// and which defines:
//   micro_kernel_begin(), micro_kernel_end()      around a task's products
//   micro_kernel_by_row(rows, tile)               c (+)= a · b with that many rows, a packed by row
//   micro_kernel_by_step(rows, tile)              the same, with a packed by step
//   finish_steps(a, depth)                        after all steps of a panel of a are packed by step
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LINE = 64, QUEUE_SPANS = 520 }; // LINE: bytes of a cache line

// Memory that will be needed soon: each micro-kernel prefetches some of its lines while it multiplies.
typedef struct prefetch_queue {
    struct span {
        const char *start;
        int64_t lines, step; // step: bytes between lines
    } spans[QUEUE_SPANS];
    int count, current; // current: number of finished spans
    int64_t done;       // lines of the current span
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

// Queues `bytes` of each of `rows` rows, `step` bytes apart: in columns of lines, because rows are short.
static inline void prefetch_queue_add_rows(
    prefetch_queue *queue, const void *start, int64_t bytes, int64_t rows, int64_t step) {
    for (int64_t at = 0; at < bytes; at += LINE)
        queue->spans[queue->count++] = (struct span){(const char *)start + at, rows, step};
    queue->spans[queue->count++] = (struct span){(const char *)start + bytes - 1, rows, step};
}

// c[r][first ... first + cols) = (or +=) Σ_k a(r, k) · b[k][0 ... cols); one step of depth is one word.
typedef struct micro_tile {
    int64_t depth;
    const word *a;
    const word *b;       // [depth, NR]
    float *const *c;     // start of each row
    int64_t first, cols; // cols <= NR
    bool accumulate;
    // One line of each is prefetched every LANES steps.
    struct {
        const char *line;
        int64_t step;
    } ahead[STREAMS];
} micro_tile;

static inline void prefetch_queue_take(prefetch_queue *queue, micro_tile *t) {
    for (int i = 0; i < STREAMS; i++) {
        t->ahead[i].line = (const char *)t->a; // nothing left: prefetch what is in the cache already
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
