// Micro-kernels in vector registers, which hold MR x NR sums while `depth` products are added to each. Operands are packed so
// that every load of the inner loop is at a fixed offset from one of two pointers. Included after operands (operands.h).
#pragma once

#if defined(__AVX512F__)
enum { MR = 14 }; // 28 sums, 2 vectors of b, 1 broadcast: 31 of 32 registers
#else
enum { MR = 6 }; // 12 sums: 15 of 16 registers
#endif
enum { NR = 2 * LANES, KR = 1, PANEL_VECTORS = 1, STREAMS = 6 };

#include "kernels/packed/micro_tile.h"
#include "kernels/packed/unroll.h"

// Both layouts of a have chunks of LANES steps of depth: by_row, [rows][LANES] holds LANES steps of each row contiguously (as
// copied from rows); otherwise, [LANES][LANES] holds the rows of each step (as copied if source rows are steps).
static inline __attribute__((always_inline)) void multiply(
    const int rows, const bool by_row, const micro_tile *t, vec sums[][2]) {
    const int row_step = by_row ? LANES : 1, depth_step = by_row ? 1 : LANES;
    const word *a = t->a, *b = t->b;
    const char *ahead[STREAMS];
    for (int i = 0; i < STREAMS; i++) _mm_prefetch(ahead[i] = t->ahead[i].line, _MM_HINT_T0);
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        sums[r][0] = sums[r][1] = vec_all(0);
        __builtin_prefetch(t->c[r] + t->first, 1);
        __builtin_prefetch(t->c[r] + t->first + NR - 1, 1);
    }
    for (int64_t left = t->depth; left > 0; left -= LANES) {
        int64_t steps = left < LANES ? left : LANES;
        const word *at = a;
        for (int i = 0; i < STREAMS; i++) _mm_prefetch(ahead[i] += t->ahead[i].step, _MM_HINT_T0);
        UNROLL_STEPS
        for (int64_t k = 0; k < steps; k++) {
            vec b0 = vec_load(b), b1 = vec_load(b + LANES);
            UNROLL_ROWS
            for (int r = 0; r < rows; r++) {
                vec factor = vec_all(at[r * row_step]);
                sums[r][0] = multiply_add(factor, b0, sums[r][0]);
                sums[r][1] = multiply_add(factor, b1, sums[r][1]);
            }
            b += NR;
            at += depth_step;
        }
        a += (by_row ? rows : LANES) * LANES;
    }
}

static inline __attribute__((always_inline)) void put_whole(
    const int rows, const bool accumulate, const micro_tile *t, vec sums[][2]) {
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        float *c = t->c[r] + t->first;
        if (accumulate) {
            sums[r][0] += vec_load(c);
            sums[r][1] += vec_load(c + LANES);
        }
        vec_store(c, sums[r][0]);
        vec_store(c + LANES, sums[r][1]);
    }
}

// Stores the last columns of c: fewer than NR.
static inline __attribute__((always_inline)) void put_part(
    const int rows, const bool accumulate, const micro_tile *t, vec sums[][2]) {
    int64_t low = t->cols < LANES ? t->cols : LANES, high = t->cols - low;
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        float *c = t->c[r] + t->first;
        if (accumulate) {
            sums[r][0] += vec_load_part(c, low);
            sums[r][1] += vec_load_part(c + low, high);
        }
        vec_store_part(c, low, sums[r][0]);
        vec_store_part(c + low, high, sums[r][1]);
    }
}

static inline __attribute__((always_inline)) void micro_kernel(
    const int rows, const bool by_row, const micro_tile *t) {
    vec sums[MR][2];
    multiply(rows, by_row, t, sums);
    if (t->cols == NR && t->accumulate)
        put_whole(rows, true, t, sums);
    else if (t->cols == NR)
        put_whole(rows, false, t, sums);
    else if (t->accumulate)
        put_part(rows, true, t, sums);
    else
        put_part(rows, false, t, sums);
}

static void micro_kernel_by_row(int64_t rows, const micro_tile *t) {
    switch (rows) {
#define ROW_COUNT(count)                                                                                     \
    case count:                                                                                              \
        if (count <= MR) micro_kernel(count <= MR ? count : 1, true, t);                                     \
        return;
#include "kernels/packed/row_counts.inc"
#undef ROW_COUNT
    }
}

static void micro_kernel_by_step(int64_t rows, const micro_tile *t) {
    switch (rows) {
#define ROW_COUNT(count)                                                                                     \
    case count:                                                                                              \
        if (count <= MR) micro_kernel(count <= MR ? count : 1, false, t);                                    \
        return;
#include "kernels/packed/row_counts.inc"
#undef ROW_COUNT
    }
}

// Vector registers need no preparation, and panels packed by step are multiplied unchanged.
static inline void micro_kernel_begin(void) {}
static inline void micro_kernel_end(void) {}
static inline void finish_steps(word *a, int64_t depth) {
    (void)a;
    (void)depth;
}
