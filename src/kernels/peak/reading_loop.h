// One loop for all instruction sets: it is compiled for each.
#include "kernels/peak/reading.h"

static inline uint64_t sum_all(const uint64_t *words, int64_t count) {
    uint64_t lanes[64] = {0}, sum = 0;
    for (int64_t i = 0; i < count; i += 64)
        for (int l = 0; l < 64; l++) lanes[l] += words[i + l];
    for (int l = 0; l < 64; l++) sum += lanes[l];
    return sum;
}
