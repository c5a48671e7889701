// Vectors of 8-bit numbers, widened, of which some may not exist.
#pragma once

#include "kernels/vector.h"

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
INLINE __mmask16 lanes_between(int64_t from, int64_t to) {
    return (__mmask16)(((1u << to) - 1) & ~((1u << from) - 1));
}

// LANES numbers of 8 bits, and those of them in [from, to), the others being 0.
INLINE vec load_numbers(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE vec load_some_numbers(const int8_t *p, int64_t from, int64_t to) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes_between(from, to), p)));
}
#else
// The bytes [from, to) of the 16 at p, and zeros. They go through registers: what was written piece by piece is slow to read as a
// vector, and where columns are short or odd, many vectors are of this kind.
INLINE __m128i load_some_bytes(const void *p, int64_t from, int64_t to) {
    const char *bytes = (const char *)p + from;
    const int64_t n = to - from;
    unsigned __int128 all = 0;
    if (n >= 8) {
        uint64_t first, last;
        memcpy(&first, bytes, 8);
        memcpy(&last, bytes + n - 8, 8);
        all = first | (unsigned __int128)last << 8 * (n - 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + n - 4, 4);
        all = first | (unsigned __int128)last << 8 * (n - 4);
    } else {
        for (int64_t i = 0; i < n; i++) all |= (unsigned __int128)(unsigned char)bytes[i] << 8 * i;
    }
    all <<= n > 0 ? 8 * from : 0;
    return _mm_set_epi64x((int64_t)(all >> 64), (int64_t)all);
}

INLINE vec load_numbers(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE vec load_some_numbers(const int8_t *p, int64_t from, int64_t to) {
    if (to - from == LANES) return load_numbers(p);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_some_bytes(p, from, to)));
}
#endif
