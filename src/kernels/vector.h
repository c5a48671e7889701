// Vectors of floats for the _avx2.c and _avx512.c files, which share one source of each algorithm: the widest vectors that the
// file is compiled for. Besides these functions, +, -, *, / work on vec as on float.
#pragma once

#include "base/bf16.h"

#include <immintrin.h>
#include <string.h>

#if defined(__AVX512F__)

enum { LANES = 16 };
typedef __m512 vec;
typedef __m512i words; // LANES 32-bit or LANES / 2 64-bit integers

static inline vec vec_all(float x) {
    return _mm512_set1_ps(x);
}
static inline vec vec_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vec x) {
    _mm512_storeu_ps(p, x);
}
// The first n < LANES elements; the others read as 0 and are not written.
static inline __mmask16 first_lanes(int64_t n) {
    return (__mmask16)((1u << n) - 1);
}
static inline vec vec_load_part(const float *p, int64_t n) {
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
static inline void vec_store_part(float *p, int64_t n, vec x) {
    _mm512_mask_storeu_ps(p, first_lanes(n), x);
}
// Widens bf16; the inverse rounds as bf16_of does, in integers, so that all widths give the same bits.
static inline vec vec_widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}
static inline __m256i vec_rounded(vec x) {
    const __m512i one = _mm512_set1_epi32(1), below_half = _mm512_set1_epi32(0x7fff);
    __m512i bits = _mm512_castps_si512(x), upper = _mm512_srli_epi32(bits, 16);
    __m512i carry = _mm512_add_epi32(_mm512_and_si512(upper, one), below_half);
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, carry), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, upper, _mm512_set1_epi32(0x40)));
}
static inline vec vec_load_bf16(const bf16 *p) {
    return vec_widen(_mm256_loadu_si256((const __m256i *)p));
}
static inline void vec_store_bf16(bf16 *p, vec x) {
    _mm256_storeu_si256((__m256i *)p, vec_rounded(x));
}
static inline vec vec_load_part_bf16(const bf16 *p, int64_t n) {
    return vec_widen(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
static inline void vec_store_part_bf16(bf16 *p, int64_t n, vec x) {
    _mm256_mask_storeu_epi16(p, first_lanes(n), vec_rounded(x));
}

// Two bf16 in each lane, as they lie in memory, and each of them widened.
static inline vec vec_load_pairs(const bf16 *p) {
    return _mm512_castsi512_ps(_mm512_loadu_si512(p));
}
static inline vec vec_low_halves(vec pairs) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16));
}
static inline vec vec_high_halves(vec pairs) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), upper));
}
// The inverse: what is below the upper halves of low and high is lost.
static inline void vec_store_halves(bf16 *p, vec low, vec high) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    __m512i first = _mm512_srli_epi32(_mm512_castps_si512(low), 16);
    _mm512_storeu_si512(p, _mm512_or_si512(first, _mm512_and_si512(_mm512_castps_si512(high), upper)));
}

static inline int vec_count_nonzero(vec x) {
    return __builtin_popcount(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ));
}
// Writes the lanes of x that are not 0, and first + their numbers, one after the other; how many. Up to LANES of each are
// overwritten.
static inline int64_t vec_put_nonzero(vec x, int first, uint8_t *index, float *value) {
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __mmask16 kept = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    // Compressing to memory takes many times as long on some processors.
    __m512i numbers = _mm512_maskz_compress_epi32(kept, _mm512_add_epi32(lanes, _mm512_set1_epi32(first)));
    vec_store(value, _mm512_maskz_compress_ps(kept, x));
    _mm_storeu_si128((__m128i *)index, _mm512_cvtepi32_epi8(numbers));
    return __builtin_popcount(kept);
}

// x in the first n lanes, `rest` in the others.
static inline vec vec_fill_rest(vec x, int64_t n, float rest) {
    return _mm512_mask_blend_ps(first_lanes(n), vec_all(rest), x);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}
// Returns the second argument if either is NaN.
static inline vec vec_max(vec a, vec b) {
    return _mm512_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b) {
    return _mm512_min_ps(a, b);
}
static inline vec vec_sqrt(vec x) {
    return _mm512_sqrt_ps(x);
}
// x where gate > 0, otherwise 0 (also if gate is NaN).
static inline vec vec_where_positive(vec gate, vec x) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_GT_OQ), x);
}
// x where bits > limit, compared as unsigned numbers, otherwise 0.
static inline vec vec_where_above(words bits, uint32_t limit, vec x) {
    return _mm512_maskz_mov_ps(_mm512_cmpgt_epu32_mask(bits, _mm512_set1_epi32((int)limit)), x);
}
static inline vec vec_round(vec x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// x * 2^n, for integral n in [-250, 250], rounded once.
static inline vec vec_scale(vec x, vec n) {
    return _mm512_scalef_ps(x, n);
}
// |x|, and the magnitude with the sign of x.
static inline vec vec_abs(vec x) {
    return _mm512_abs_ps(x);
}
static inline vec vec_copy_sign(vec magnitude, vec x) {
    return _mm512_or_ps(vec_abs(magnitude), _mm512_and_ps(x, vec_all(-0.0f)));
}
// x where a < b, otherwise (also if either is NaN) y.
static inline vec vec_where_less(vec a, vec b, vec x, vec y) {
    return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), x);
}
// The elements with even, and with odd indices of a and b, one after the other; and the inverse.
static inline __m512i counting_by_two(void) {
    return _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
static inline vec vec_evens(vec a, vec b) {
    return _mm512_permutex2var_ps(a, counting_by_two(), b);
}
static inline vec vec_odds(vec a, vec b) {
    return _mm512_permutex2var_ps(a, _mm512_add_epi32(counting_by_two(), _mm512_set1_epi32(1)), b);
}
static inline __m512i alternating(void) {
    return _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
static inline vec vec_alternate_low(vec evens, vec odds) {
    return _mm512_permutex2var_ps(evens, alternating(), odds);
}
static inline vec vec_alternate_high(vec evens, vec odds) {
    return _mm512_permutex2var_ps(evens, _mm512_add_epi32(alternating(), _mm512_set1_epi32(8)), odds);
}
static inline __m256 vec_first_eight(vec x) {
    return _mm512_castps512_ps256(x);
}
static inline float vec_sum(vec x) {
    return _mm512_reduce_add_ps(x);
}
static inline float vec_greatest(vec x) {
    return _mm512_reduce_max_ps(x);
}
// Adds Σ x² of the lanes, in double, to the two halves of the accumulator.
typedef __m512d wide;
static inline wide wide_zero(void) {
    return _mm512_setzero_pd();
}
static inline wide wide_add_squares(wide sum, vec x) {
    wide low = _mm512_cvtps_pd(_mm512_castps512_ps256(x)),
         high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
    return _mm512_fmadd_pd(high, high, _mm512_fmadd_pd(low, low, sum));
}
static inline double wide_sum(wide x) {
    return _mm512_reduce_add_pd(x);
}

static inline words words_all64(uint64_t x) {
    return _mm512_set1_epi64((long long)x);
}
static inline words words_load(const uint64_t *p) {
    return _mm512_loadu_si512(p);
}
static inline words words_add64(words a, words b) {
    return _mm512_add_epi64(a, b);
}
static inline words words_xor(words a, words b) {
    return _mm512_xor_si512(a, b);
}
// The full product of the low halves of the 64-bit lanes; a lane's high half; [low half of a, low half of b].
static inline words words_multiply(words a, words b) {
    return _mm512_mul_epu32(a, b);
}
static inline words words_high(words a) {
    return _mm512_srli_epi64(a, 32);
}
static inline words words_join(words a, words b) {
    return _mm512_mask_blend_epi32(0xaaaa, a, _mm512_slli_epi64(b, 32));
}
// The even 64-bit lanes of a and b, alternating; and the odd ones.
static inline words words_even(words a, words b) {
    return _mm512_unpacklo_epi64(a, b);
}
static inline words words_odd(words a, words b) {
    return _mm512_unpackhi_epi64(a, b);
}

#else

enum { LANES = 8 };
typedef __m256 vec;
typedef __m256i words;

static inline vec vec_all(float x) {
    return _mm256_set1_ps(x);
}
static inline vec vec_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vec x) {
    _mm256_storeu_ps(p, x);
}
static inline __m256i first_lanes(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vec vec_load_part(const float *p, int64_t n) {
    return _mm256_maskload_ps(p, first_lanes(n));
}
static inline void vec_store_part(float *p, int64_t n, vec x) {
    _mm256_maskstore_ps(p, first_lanes(n), x);
}
static inline vec vec_widen(__m128i x) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}
static inline __m128i vec_rounded(vec x) {
    const __m256i one = _mm256_set1_epi32(1), below_half = _mm256_set1_epi32(0x7fff);
    __m256i bits = _mm256_castps_si256(x), upper = _mm256_srli_epi32(bits, 16);
    __m256i carry = _mm256_add_epi32(_mm256_and_si256(upper, one), below_half);
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, carry), 16);
    __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
    return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}
static inline vec vec_load_bf16(const bf16 *p) {
    return vec_widen(_mm_loadu_si128((const __m128i *)p));
}
static inline void vec_store_bf16(bf16 *p, vec x) {
    _mm_storeu_si128((__m128i *)p, vec_rounded(x));
}
static inline vec vec_load_part_bf16(const bf16 *p, int64_t n) {
    bf16 lanes[LANES] = {0};
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return vec_load_bf16(lanes);
}
static inline void vec_store_part_bf16(bf16 *p, int64_t n, vec x) {
    bf16 lanes[LANES];
    vec_store_bf16(lanes, x);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}

static inline vec vec_load_pairs(const bf16 *p) {
    return _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline vec vec_low_halves(vec pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16));
}
static inline vec vec_high_halves(vec pairs) {
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), upper));
}
static inline void vec_store_halves(bf16 *p, vec low, vec high) {
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    __m256i first = _mm256_srli_epi32(_mm256_castps_si256(low), 16);
    _mm256_storeu_si256(
        (__m256i *)p, _mm256_or_si256(first, _mm256_and_si256(_mm256_castps_si256(high), upper)));
}

static inline int vec_count_nonzero(vec x) {
    return __builtin_popcount(
        (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ)));
}
static inline int64_t vec_put_nonzero(vec x, int first, uint8_t *index, float *value) {
    int kept = _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ));
    float lanes[LANES];
    int64_t count = 0;
    vec_store(lanes, x);
    for (; kept; kept &= kept - 1) {
        int lane = __builtin_ctz((unsigned)kept);
        index[count] = (uint8_t)(first + lane);
        value[count++] = lanes[lane];
    }
    return count;
}

static inline vec vec_fill_rest(vec x, int64_t n, float rest) {
    return _mm256_blendv_ps(vec_all(rest), x, _mm256_castsi256_ps(first_lanes(n)));
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vec vec_max(vec a, vec b) {
    return _mm256_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b) {
    return _mm256_min_ps(a, b);
}
static inline vec vec_sqrt(vec x) {
    return _mm256_sqrt_ps(x);
}
static inline vec vec_where_positive(vec gate, vec x) {
    return _mm256_and_ps(_mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_GT_OQ), x);
}
static inline vec vec_where_above(words bits, uint32_t limit, vec x) {
    const __m256i sign = _mm256_set1_epi32(INT32_MIN);
    __m256i signed_limit = _mm256_set1_epi32((int)(limit ^ 0x80000000u));
    return _mm256_and_ps(
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(bits, sign), signed_limit)), x);
}
static inline vec vec_round(vec x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// 2^n, n in [-125, 125].
static inline vec power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
// In two factors: the first product is exact for x near 1, so that even subnormal results are rounded only once.
static inline vec vec_scale(vec x, vec n) {
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return x * power_of_two(half) * power_of_two(_mm256_sub_epi32(whole, half));
}
static inline vec vec_abs(vec x) {
    return _mm256_andnot_ps(vec_all(-0.0f), x);
}
static inline vec vec_copy_sign(vec magnitude, vec x) {
    return _mm256_or_ps(vec_abs(magnitude), _mm256_and_ps(x, vec_all(-0.0f)));
}
static inline vec vec_where_less(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
// From [a0 a1 b0 b1 | a2 a3 b2 b3], in pairs of elements, to [a b].
static inline vec join_halves(vec x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}
static inline vec vec_evens(vec a, vec b) {
    return join_halves(_mm256_shuffle_ps(a, b, 0x88));
}
static inline vec vec_odds(vec a, vec b) {
    return join_halves(_mm256_shuffle_ps(a, b, 0xdd));
}
static inline vec vec_alternate_low(vec evens, vec odds) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(evens, odds), _mm256_unpackhi_ps(evens, odds), 0x20);
}
static inline vec vec_alternate_high(vec evens, vec odds) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(evens, odds), _mm256_unpackhi_ps(evens, odds), 0x31);
}
static inline __m256 vec_first_eight(vec x) {
    return x;
}
static inline __m128 fold(vec x) {
    return _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
}
static inline float vec_sum(vec x) {
    __m128 four = fold(x), two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float vec_greatest(vec x) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
typedef __m256d wide;
static inline wide wide_zero(void) {
    return _mm256_setzero_pd();
}
static inline wide wide_add_squares(wide sum, vec x) {
    wide low = _mm256_cvtps_pd(_mm256_castps256_ps128(x)),
         high = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
    return _mm256_fmadd_pd(high, high, _mm256_fmadd_pd(low, low, sum));
}
static inline double wide_sum(wide x) {
    return (x[0] + x[1]) + (x[2] + x[3]);
}

static inline words words_all64(uint64_t x) {
    return _mm256_set1_epi64x((long long)x);
}
static inline words words_load(const uint64_t *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}
static inline words words_add64(words a, words b) {
    return _mm256_add_epi64(a, b);
}
static inline words words_xor(words a, words b) {
    return _mm256_xor_si256(a, b);
}
static inline words words_multiply(words a, words b) {
    return _mm256_mul_epu32(a, b);
}
static inline words words_high(words a) {
    return _mm256_srli_epi64(a, 32);
}
static inline words words_join(words a, words b) {
    return _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa);
}
static inline words words_even(words a, words b) {
    return _mm256_unpacklo_epi64(a, b);
}
static inline words words_odd(words a, words b) {
    return _mm256_unpackhi_epi64(a, b);
}

#endif
