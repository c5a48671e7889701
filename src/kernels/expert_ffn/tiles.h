// Register tiles of the packed expert FFN: ROWS x COLS sums stay in registers while `depth` products are added to each.
// Operands are packed so that every load of the inner loop has a fixed distance from one of two pointers. Included after a
// header of words.
#pragma once

#if defined(__AVX512F__)
enum { ROWS = 14 }; // 28 sums, 2 vectors of b, 1 broadcast: 31 of 32 registers
#else
enum { ROWS = 6 }; // 12 sums: 15 of 16 registers
#endif
enum { COLS = 2 * LANES, DEPTH_STEP = 1, STEP_VECTORS = 1, STREAMS = 6 };

#include "kernels/expert_ffn/tile.h"

// Loops over rows must be unrolled before the compilers decide what lives in registers. Not so with sanitizers, whose checks
// of every access would make functions too long for the compilers.
#if defined(__has_feature)
#define CLANG_FEATURE(name) __has_feature(name)
#else
#define CLANG_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || CLANG_FEATURE(address_sanitizer) ||     \
    CLANG_FEATURE(thread_sanitizer) || CLANG_FEATURE(undefined_behavior_sanitizer)
#define UNROLL_ROWS _Pragma("GCC unroll 1")
#define UNROLL_STEPS _Pragma("GCC unroll 1")
#elif defined(__clang__)
#define UNROLL_ROWS _Pragma("clang loop unroll(full)")
#define UNROLL_STEPS _Pragma("GCC unroll 4")
#else
#define UNROLL_ROWS _Pragma("GCC unroll 16")
#define UNROLL_STEPS _Pragma("GCC unroll 4")
#endif

// Both layouts of a go in chunks of LANES steps of depth: by_row [rows][LANES] holds LANES steps of each row side by side
// (what copying rows gives), else [LANES][LANES] holds the rows of each step (what copying a matrix whose rows are steps gives).
static inline __attribute__((always_inline)) void multiply(
    const int rows, const bool by_row, const tile *t, vec sums[][2]) {
    const int row_step = by_row ? LANES : 1, depth_step = by_row ? 1 : LANES;
    const word *a = t->a, *b = t->b;
    int64_t line = LINE;
    for (int i = 0; i < STREAMS; i++) _mm_prefetch(t->ahead[i], _MM_HINT_T0);
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        sums[r][0] = sums[r][1] = vec_all(0);
        __builtin_prefetch(t->c[r] + t->first, 1);
        __builtin_prefetch(t->c[r] + t->first + COLS - 1, 1);
    }
    for (int64_t left = t->depth; left > 0; left -= LANES) {
        int64_t steps = left < LANES ? left : LANES;
        const word *at = a;
        for (int i = 0; i < STREAMS; i++) _mm_prefetch(t->ahead[i] + line, _MM_HINT_T0);
        line += LINE;
        UNROLL_STEPS
        for (int64_t k = 0; k < steps; k++) {
            vec b0 = vec_load(b), b1 = vec_load(b + LANES);
            UNROLL_ROWS
            for (int r = 0; r < rows; r++) {
                vec factor = vec_all(at[r * row_step]);
                sums[r][0] = multiply_add(factor, b0, sums[r][0]);
                sums[r][1] = multiply_add(factor, b1, sums[r][1]);
            }
            b += COLS;
            at += depth_step;
        }
        a += (by_row ? rows : LANES) * LANES;
    }
}

// The tile's rows must have room for COLS columns.
static inline __attribute__((always_inline)) void store_rows(const int rows, const tile *t) {
    vec sums[ROWS][2];
    multiply(rows, true, t, sums);
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        float *c = t->c[r] + t->first;
        vec_store(c, sums[r][0]);
        vec_store(c + LANES, sums[r][1]);
    }
}

static inline __attribute__((always_inline)) void add_rows(const int rows, const tile *t) {
    vec sums[ROWS][2];
    multiply(rows, false, t, sums);
    if (t->cols == COLS) {
        UNROLL_ROWS
        for (int r = 0; r < rows; r++) {
            float *c = t->c[r] + t->first;
            vec_store(c, vec_load(c) + sums[r][0]);
            vec_store(c + LANES, vec_load(c + LANES) + sums[r][1]);
        }
        return;
    }
    int64_t low = t->cols < LANES ? t->cols : LANES, high = t->cols - low;
    UNROLL_ROWS
    for (int r = 0; r < rows; r++) {
        float *c = t->c[r] + t->first;
        vec_store_part(c, low, vec_load_part(c, low) + sums[r][0]);
        vec_store_part(c + low, high, vec_load_part(c + low, high) + sums[r][1]);
    }
}

// c = a · b, a by row.
static void store_tile(int64_t rows, const tile *t) {
    switch (rows) {
#define ROW_COUNT(count)                                                                                     \
    case count:                                                                                              \
        if (count <= ROWS) store_rows(count <= ROWS ? count : 1, t);                                         \
        return;
#include "kernels/expert_ffn/row_counts.inc"
#undef ROW_COUNT
    }
}

// c += a · b, a by step.
static void add_tile(int64_t rows, const tile *t) {
    switch (rows) {
#define ROW_COUNT(count)                                                                                     \
    case count:                                                                                              \
        if (count <= ROWS) add_rows(count <= ROWS ? count : 1, t);                                           \
        return;
#include "kernels/expert_ffn/row_counts.inc"
#undef ROW_COUNT
    }
}

// Around the tiles of a task.
static inline void begin_tiles(void) {}
static inline void end_tiles(void) {}

// After all steps of a panel of a by step are packed.
static inline void finish_steps(word *a, int64_t depth) {
    (void)a;
    (void)depth;
}
