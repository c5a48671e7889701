// Division and rounding upwards, of numbers that are not negative.
#pragma once

#include <stdint.h>

// How many parts of `size` hold `n`. Work is cut into parts of a fixed size, whatever the number of threads, so that results
// have the same bits at any.
static inline int64_t divide_up(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

// The least multiple of `unit` that is not below `n`.
static inline int64_t round_up(int64_t n, int64_t unit) {
    return divide_up(n, unit) * unit;
}
