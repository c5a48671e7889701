#include "kernels/peak/reading_loop.h"

uint64_t sum_words_avx2(const uint64_t *words, int64_t count) {
    return sum_all(words, count);
}
