#include "kernels/top_k/vector_search.h"

#include <math.h>

// In long rows, a sample proposes two bounds of the k-th largest score, and one pass counts the scores above them and copies the
// few between, so that the rounds after that count those alone. No other level can copy chosen lanes at the speed of memory.
enum {
    SAMPLES = 4 * LANES,
    SAMPLED = 8 * SAMPLES, // n, from which on a sample is worth it
};

// Of LANES lanes the first n, or all.
static uint32_t lanes_of(int64_t n) {
    return n < LANES ? (1u << n) - 1 : (1u << LANES) - 1;
}

typedef struct bounds {
    float low, high;
} bounds;

// Numbers that the k-th largest is probably between: of its rank among the samples, those differ by 2.2 standard deviations of a
// draw, and a little. Infinite where there is no such sample; which numbers they are is for the speed alone.
static bounds sample_bounds(const float *scores, int64_t n, int64_t k) {
    enum { VECTORS = SAMPLES / LANES };
    float sample[SAMPLES];
    vec ranks[VECTORS], samples[VECTORS], low = vec_all(-INFINITY), high = vec_all(INFINITY);
    for (int64_t i = 0; i < SAMPLES; i++) sample[i] = scores[i * n / SAMPLES];
    for (int v = 0; v < VECTORS; v++) {
        samples[v] = vec_max(vec_load(sample + v * LANES), low) + vec_all(0); // NaN becomes -infinity
        ranks[v] = vec_all(0);
    }
    for (int i = 0; i < SAMPLES; i++)
        for (int v = 0; v < VECTORS; v++)
            ranks[v] = vec_where_less(samples[v], vec_all(sample[i]), ranks[v] + vec_all(1), ranks[v]);
    float share = (float)k / (float)n, middle = share * SAMPLES;
    float margin = 2.2f * sqrtf(middle * (1 - share)) + 1;
    for (int v = 0; v < VECTORS; v++) {
        low = vec_max(vec_where_less(ranks[v], vec_all(middle + margin), low, samples[v]), low);
        high = vec_min(vec_where_less(vec_all(middle - margin), ranks[v], high, samples[v]), high);
    }
    return (bounds){vec_greatest(low), -vec_greatest(-high)};
}

// How many scores are >= high, and how many of the others are >= low; these are copied, and something after them.
typedef struct split_counts {
    int64_t above, between;
} split_counts;

static split_counts split_by(const float *scores, int64_t n, bounds b, float *copied) {
    vec low = vec_all(b.low), high = vec_all(b.high);
    split_counts counts = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        vec x = scores_at(scores, n, i);
        uint32_t above = lanes_at_least(x, high), from_low = lanes_at_least(x, low) & lanes_of(n - i);
        __mmask16 between = (__mmask16)(from_low & ~above);
        vec_store(copied + least(counts.between, n - LANES), _mm512_maskz_compress_ps(between, x));
        counts.above += __builtin_popcount(above);
        counts.between += __builtin_popcount(between);
        _mm_prefetch((const char *)(scores + n + i), _MM_HINT_T0); // probably the next row
    }
    return counts;
}

static float kth_largest_of_many(const float *scores, int64_t n, int64_t k, float *scratch) {
    if (n < SAMPLED) return kth_largest(scores, n, k, scratch);
    bounds b = sample_bounds(scores, n, k);
    split_counts counts = split_by(scores, n, b, scratch);
    if (counts.above >= k) return kth_largest_from(scores, n, k, b.high);
    if (counts.above + counts.between < k) return kth_largest(scores, n, k, scratch);
    if (counts.between > n - LANES) return bisect(scores, n, k, b.low, b.high);
    return bisect(scratch, counts.between, k - counts.above, b.low, b.high);
}

extern const top_k_kernel top_k_avx512;
const top_k_kernel top_k_avx512 = {{"avx512", CPU_AVX512}, row, kth_largest_of_many};
