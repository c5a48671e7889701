// Reading words as fast as the processor asks for them.
#pragma once

#include <stdint.h>

// Their sum, so that no reading is optimized away; count: a multiple of 64.
typedef uint64_t sum_words(const uint64_t *words, int64_t count);
sum_words sum_words_scalar, sum_words_avx2, sum_words_avx512;
