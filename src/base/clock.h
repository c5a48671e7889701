// Elapsed time.
#pragma once

#include <stdint.h>
#include <time.h>

// Of a clock that only goes forward.
static inline int64_t nanoseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline double seconds_now(void) {
    return (double)nanoseconds_now() * 1e-9;
}
