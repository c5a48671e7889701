// The passes on vectors; included by one file per instruction set.
#include "kernels/pointwise/pointwise.h"
#include "kernels/vector_math.h"

extern const pointwise_kernel pointwise_ref;

// Like the reference, ReLU maps NaN to 0: whatever is not > 0 becomes 0.
static inline vec relu(vec x) {
    return vec_where_positive(x, x);
}

static void bias_relu_vector(real *x, const real *bias, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec sum = vec_load(x + i);
        if (bias) sum += vec_load(bias + i);
        vec_store(x + i, relu(sum));
    }
    if (i == n) return;
    vec sum = vec_load_part(x + i, n - i);
    if (bias) sum += vec_load_part(bias + i, n - i);
    vec_store_part(x + i, n - i, relu(sum));
}

static void add_vector(real *y, const real *x, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vec_store(y + i, vec_load(y + i) + vec_load(x + i));
    if (i < n) vec_store_part(y + i, n - i, vec_load_part(y + i, n - i) + vec_load_part(x + i, n - i));
}

static void relu_backward_vector(const real *u, real *dx, int64_t n, real factor) {
    const vec scale = vec_all(factor);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(dx + i, vec_where_positive(vec_load(u + i), scale * vec_load(dx + i)));
    if (i < n)
        vec_store_part(dx + i, n - i,
            vec_where_positive(vec_load_part(u + i, n - i), scale * vec_load_part(dx + i, n - i)));
}

// ---- Dropout: Philox 4x32-10 on LANES / 2 blocks at once, with the same words as base/random.c ----

enum { ROUNDS = 10, BLOCKS = LANES / 2 };

typedef struct philox {
    words key[ROUNDS][2];
    words counter_high, counter_step, counter_purpose; // the constant words 1, 2 and 3 of the counter
    words lane;                                        // index of each lane's block among the BLOCKS
} philox;

static philox philox_start(random_stream s) {
    philox p;
    uint32_t low = (uint32_t)s.seed, high = (uint32_t)(s.seed >> 32);
    for (int i = 0; i < ROUNDS; i++) {
        p.key[i][0] = words_all64(low + (uint32_t)i * 0x9e3779b9u);
        p.key[i][1] = words_all64(high + (uint32_t)i * 0xbb67ae85u);
    }
    p.counter_high = words_all64((uint32_t)(s.step >> 32) << 16);
    p.counter_step = words_all64((uint32_t)s.step);
    p.counter_purpose = words_all64((uint32_t)s.purpose << 20 | (s.layer & 0xfffffu));
    // Even lanes hold the first half of the blocks and odd lanes the second, so that words_even and words_odd return the words
    // in the order of their positions.
    uint64_t lane[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) lane[i] = (uint64_t)(i % 2 * (BLOCKS / 2) + i / 2);
    p.lane = words_load(lane);
    return p;
}

// The 4 * BLOCKS words of blocks [block, block + BLOCKS), in order. Only the low halves of the 64-bit lanes matter; the high
// halves of products are never read.
static inline void philox_words(const philox *p, uint64_t block, words *first, words *second) {
    const words multiplier0 = words_all64(0xd2511f53u), multiplier1 = words_all64(0xcd9e8d57u);
    words c0 = words_add64(words_all64(block), p->lane);
    words c1 = words_xor(words_high(c0), p->counter_high), c2 = p->counter_step, c3 = p->counter_purpose;
    for (int i = 0; i < ROUNDS; i++) {
        words product0 = words_multiply(c0, multiplier0), product1 = words_multiply(c2, multiplier1);
        c0 = words_xor(words_xor(words_high(product1), c1), p->key[i][0]);
        c2 = words_xor(words_xor(words_high(product0), c3), p->key[i][1]);
        c1 = product1;
        c3 = product0;
    }
    words c01 = words_join(c0, c1), c23 = words_join(c2, c3);
    *first = words_even(c01, c23);
    *second = words_odd(c01, c23);
}

enum { STEP = 2 * LANES };

// x[i] ... x[i + STEP - 1] times the factors, as far as these are within n.
static void multiply_edge(real *x, int64_t i, int64_t n, vec low, vec high) {
    real factors[STEP];
    vec_store(factors, low);
    vec_store(factors + LANES, high);
    for (int64_t j = i < 0 ? -i : 0; j < STEP && i + j < n; j++) x[i + j] *= factors[j];
}

static void dropout_vector(real *x, int64_t n, double p, random_stream stream, uint64_t first) {
    uint64_t threshold = (uint64_t)(p * 4294967296.0);
    if (threshold == 0) {
        pointwise_ref.dropout(x, n, p, stream, first);
        return;
    }
    philox generator = philox_start(stream);
    uint32_t limit = (uint32_t)(threshold - 1); // kept: at least the threshold, which may be 2^32
    vec scale = vec_all(p < 1.0 ? (real)(1.0 / (1.0 - p)) : 0);
    uint64_t block = first / 4;
    for (int64_t i = -(int64_t)(first % 4); i < n; i += STEP, block += BLOCKS) {
        words low, high;
        philox_words(&generator, block, &low, &high);
        vec low_factors = vec_where_above(low, limit, scale),
            high_factors = vec_where_above(high, limit, scale);
        if (i < 0 || i + STEP > n) {
            multiply_edge(x, i, n, low_factors, high_factors);
        } else {
            vec_store(x + i, vec_load(x + i) * low_factors);
            vec_store(x + i + LANES, vec_load(x + i + LANES) * high_factors);
        }
    }
}

// ---- Softmax ----

static void softmax_vector(real *x, int64_t n) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec last = vec_fill_rest(vec_load_part(x + whole, rest), rest, -INFINITY);
    vec greatest = last, sum = vec_all(0);
    for (int64_t i = 0; i < whole; i += LANES) greatest = vec_max(greatest, vec_load(x + i));
    vec top = vec_all(vec_greatest(greatest));
    for (int64_t i = 0; i < whole; i += LANES) {
        vec e = vec_exp(vec_load(x + i) - top);
        vec_store(x + i, e);
        sum += e;
    }
    last = vec_exp(last - top);
    vec factor = vec_all(1.0f / vec_sum(sum + last));
    for (int64_t i = 0; i < whole; i += LANES) vec_store(x + i, vec_load(x + i) * factor);
    vec_store_part(x + whole, rest, last * factor);
}

static void softmax_backward_vector(const real *y, real *d, int64_t n) {
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec last_y = vec_load_part(y + whole, rest), last_d = vec_load_part(d + whole, rest);
    vec sum = last_y * last_d;
    for (int64_t i = 0; i < whole; i += LANES) sum = vec_fma(vec_load(y + i), vec_load(d + i), sum);
    vec dot = vec_all(vec_sum(sum));
    for (int64_t i = 0; i < whole; i += LANES) vec_store(d + i, vec_load(y + i) * (vec_load(d + i) - dot));
    vec_store_part(d + whole, rest, last_y * (last_d - dot));
}

// ---- bf16 ----

static void widen_vector(real *y, const bf16 *x, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vec_store(y + i, vec_load_bf16(x + i));
    if (i < n) vec_store_part(y + i, n - i, vec_load_part_bf16(x + i, n - i));
}

static void round_vector(bf16 *y, const real *x, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vec_store_bf16(y + i, vec_load(x + i));
    if (i < n) vec_store_part_bf16(y + i, n - i, vec_load_part(x + i, n - i));
}
