// Shared by the benchmarks: median times after a warm-up.
#pragma once

#include "base/clock.h"
#include "model/workspace.h"

enum { BENCH_WARM_UPS = 1 };

double bench_median(double *values, int count); // sorts them

// A value of a request that must be at least 1.
typedef struct bench_size {
    const char *name;
    int64_t value;
} bench_size;
sigmoe_status bench_check(const bench_size *sizes, int count);

// [rows, cols], normally distributed; equal salts give equal numbers.
sigmoe_status bench_matrix(arena *a, int64_t rows, int64_t cols, uint64_t salt, matrix *out);
// The same, as an operand of products.
sigmoe_status bench_operand(
    arena *a, sigmoe_dtype operands, int64_t rows, int64_t cols, uint64_t salt, matrix *out);
