// Top-K on vectors: one source for every vector width. Everything counts or scans the scores in place; nothing is copied, so
// there is no scratch memory. (Long rows under AVX-512: top_k_avx512.c.)
#pragma once

#include "kernels/top_k/rank.h"
#include "kernels/top_k/top_k.h"
#include "kernels/vector.h"

#include <float.h>
#include <string.h>

enum {
    MOST_ROUNDS = 16, // k, and
    MOST_COPIED =
        512, // n, up to which repeated searches for the maximum are cheaper than finding the threshold
    LINEAR_ROUNDS = 16, // of bisection by value, before bisection in the order of floats
};

// Bit masks of the lanes of x that are at least / above the bound; NaN is neither.
#if defined(__AVX512F__)
static inline uint32_t lanes_at_least(vec x, vec bound) {
    return _mm512_cmp_ps_mask(x, bound, _CMP_GE_OQ);
}
static inline uint32_t lanes_above(vec x, vec bound) {
    return _mm512_cmp_ps_mask(x, bound, _CMP_GT_OQ);
}
// x with NaN in one lane.
static inline vec without_lane(vec x, int lane) {
    return _mm512_mask_blend_ps((__mmask16)(1u << lane), x, vec_all(NAN));
}
// x where it is at least the bound, otherwise infinity.
static inline vec from_bound(vec x, vec bound) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, bound, _CMP_GE_OQ), vec_all(INFINITY), x);
}
#else
static inline uint32_t lanes_at_least(vec x, vec bound) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, bound, _CMP_GE_OQ));
}
static inline uint32_t lanes_above(vec x, vec bound) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, bound, _CMP_GT_OQ));
}
static inline vec without_lane(vec x, int lane) {
    __m256i here = _mm256_cmpeq_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(lane));
    return _mm256_blendv_ps(x, vec_all(NAN), _mm256_castsi256_ps(here));
}
static inline vec from_bound(vec x, vec bound) {
    return _mm256_blendv_ps(vec_all(INFINITY), x, _mm256_cmp_ps(x, bound, _CMP_GE_OQ));
}
#endif

// The scores from i on, -infinity beyond the last.
static inline vec scores_at(const float *scores, int64_t n, int64_t i) {
    if (n - i >= LANES) return vec_load(scores + i);
    return vec_fill_rest(vec_load_part(scores + i, n - i), n - i, -INFINITY);
}

static int64_t count_at_least(const float *scores, int64_t n, float bound) {
    int64_t whole = n / LANES * LANES, count = 0;
    for (int64_t i = 0; i < whole; i += LANES)
        count += __builtin_popcount(lanes_at_least(vec_load(scores + i), vec_all(bound)));
    for (int64_t i = whole; i < n; i++) count += scores[i] >= bound;
    return count;
}

// The least score that is at least `bound` (above -infinity); one must exist.
static float least_from(const float *scores, int64_t n, float bound) {
    vec least = vec_all(INFINITY);
    for (int64_t i = 0; i < n; i += LANES)
        least = vec_min(from_bound(scores_at(scores, n, i), vec_all(bound)), least);
    return -vec_greatest(-least);
}

static float greatest(const float *scores, int64_t n) {
    vec best = vec_all(-INFINITY);
    for (int64_t i = 0; i < n; i += LANES)
        best = vec_max(scores_at(scores, n, i), best); // vec_max ignores a NaN in its first argument
    return vec_greatest(best);
}

// The rank of a number in the order of all floats, and the inverse; neighbors differ by 1, and both zeros are 0.
static int32_t order_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? -(bits & INT32_MAX) : bits;
}

static float at_order(int32_t order) {
    int32_t bits = order < 0 ? -order | INT32_MIN : order;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// A number strictly between low and high, which are not neighbors: the midpoint while that makes progress on typical scores,
// then the midpoint in the order of floats, which takes at most 32 rounds.
static float pivot_between(float low, float high, int round) {
    float middle = low + (high - low) / 2;
    if (round < LINEAR_ROUNDS && middle > low && middle < high) return middle;
    return at_order((int32_t)(((int64_t)order_of(low) + order_of(high)) >> 1));
}

// The k-th largest of scores of which at least k are >= low, and fewer than k are >= high.
static float bisect(const float *scores, int64_t n, int64_t k, float low, float high) {
    // After a ReLU, a row's largest group of equal values is at 0.
    const float first[] = {0, FLT_TRUE_MIN};
    for (int round = 0; (int64_t)order_of(high) - order_of(low) > 1; round++) {
        float pivot = round < 2 ? first[round] : pivot_between(low, high, round);
        if (!(pivot > low && pivot < high)) continue;
        int64_t count = count_at_least(scores, n, pivot);
        if (count == k) return least_from(scores, n, pivot) + 0;
        if (count > k)
            low = pivot;
        else
            high = pivot;
    }
    return low;
}

// The k-th largest of scores of which at least k are >= low.
static float kth_largest_from(const float *scores, int64_t n, int64_t k, float low) {
    float high = greatest(scores, n) + 0;
    return count_at_least(scores, n, high) >= k ? high : bisect(scores, n, k, low, high);
}

static float kth_largest(const float *scores, int64_t n, int64_t k, float *scratch) {
    (void)scratch;
    return count_at_least(scores, n, -INFINITY) < k ? -INFINITY : kth_largest_from(scores, n, k, -INFINITY);
}

// Takes the first maximum, k times; what is taken becomes NaN, which is never found again. False if too few numbers remain.
static bool row_by_rounds(const float *scores, int64_t n, int64_t k, int32_t *indices) {
    float left[MOST_COPIED];
    memcpy(left, scores, (size_t)n * sizeof *left);
    for (int64_t r = 0; r < k; r++) {
        vec most = vec_all(greatest(left, n));
        int64_t i = 0;
        uint32_t found = 0;
        for (; i < n && !found; i += LANES) found = lanes_at_least(scores_at(left, n, i), most);
        int64_t index = i - LANES + __builtin_ctz(found | 1u << 31);
        if (!found || index >= n) return false;
        indices[r] = (int32_t)index;
        left[index] = NAN;
    }
    return true;
}

// The same for at most LANES scores, which stay in a register.
static bool row_in_register(const float *scores, int64_t n, int64_t k, int32_t *indices) {
    vec left = n < LANES ? vec_fill_rest(vec_load_part(scores, n), n, NAN) : vec_load(scores);
    for (int64_t r = 0; r < k; r++) {
        vec most = vec_all(vec_greatest(vec_max(left, vec_all(-INFINITY))));
        uint32_t found = lanes_at_least(left, most);
        if (!found) return false;
        indices[r] = __builtin_ctz(found);
        left = without_lane(left, indices[r]);
    }
    return true;
}

// Takes all scores above the k-th largest value and as many equal to it as there is room for, then sorts them.
static void row_by_threshold(const float *scores, int64_t n, int64_t k, float threshold, int32_t *indices) {
    int64_t equals = k, found = 0;
    for (int64_t i = 0; i < n; i += LANES)
        equals -= __builtin_popcount(lanes_above(scores_at(scores, n, i), vec_all(threshold)));
    for (int64_t i = 0; i < n && found < k; i += LANES) {
        uint32_t lanes = lanes_at_least(scores_at(scores, n, i), vec_all(threshold));
        for (; lanes && found < k; lanes &= lanes - 1) {
            int64_t index = i + __builtin_ctz(lanes);
            if (index < n && (scores[index] > threshold || equals-- > 0)) indices[found++] = (int32_t)index;
        }
    }
    make_heap(scores, indices, k);
    sort_heap(scores, indices, k);
}

extern const top_k_kernel top_k_ref;

static void row(const float *scores, int64_t n, int64_t k, int32_t *indices) {
    if (n <= LANES) {
        if (row_in_register(scores, n, k, indices)) return;
    } else if (k <= MOST_ROUNDS && n <= MOST_COPIED) {
        if (row_by_rounds(scores, n, k, indices)) return;
    } else if (count_at_least(scores, n, -INFINITY) >= k) {
        row_by_threshold(scores, n, k, kth_largest(scores, n, k, NULL), indices);
        return;
    }
    top_k_ref.row(scores, n, k, indices); // NaN is among the selected
}
