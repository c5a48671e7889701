// Softmax and loss of rows of logits on vectors; included by one file per instruction set.
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/vector_math.h"

static float add_bias_and_find_greatest(real *logits, const real *bias, int64_t whole, int64_t rest) {
    vec greatest = vec_all(-INFINITY);
    for (int64_t i = 0; i < whole; i += LANES) {
        vec x = vec_load(logits + i) + vec_load(bias + i);
        vec_store(logits + i, x);
        greatest = vec_max(x, greatest); // skips a NaN in x
    }
    vec x = vec_load_part(logits + whole, rest) + vec_load_part(bias + whole, rest);
    vec_store_part(logits + whole, rest, x);
    return vec_greatest(vec_max(vec_fill_rest(x, rest, -INFINITY), greatest));
}

// Replaces the logits with e^(x - greatest) and returns the sum.
static float exponentials(real *logits, float greatest, int64_t whole, int64_t rest) {
    vec top = vec_all(greatest);
    vec last = vec_exp(vec_fill_rest(vec_load_part(logits + whole, rest), rest, -INFINITY) - top);
    vec_store_part(logits + whole, rest, last);
    vec sum = last;
    for (int64_t i = 0; i < whole; i += LANES) {
        vec e = vec_exp(vec_load(logits + i) - top);
        vec_store(logits + i, e);
        sum += e;
    }
    return vec_sum(sum);
}

static void scale_row(real *x, float factor, int64_t whole, int64_t rest) {
    for (int64_t i = 0; i < whole; i += LANES) vec_store(x + i, vec_load(x + i) * vec_all(factor));
    vec_store_part(x + whole, rest, vec_load_part(x + whole, rest) * vec_all(factor));
}

static void rows_vector(real *logits, int64_t rows, int64_t vocabulary, const real *bias,
    const int32_t *targets, real gradient_scale, double *nats) {
    int64_t whole = vocabulary / LANES * LANES, rest = vocabulary - whole;
    for (int64_t r = 0; r < rows; r++, logits += vocabulary) {
        float greatest = add_bias_and_find_greatest(logits, bias, whole, rest);
        double target_below = (double)greatest - (double)logits[targets[r]];
        float sum = exponentials(logits, greatest, whole, rest);
        nats[r] = log((double)sum) + target_below;
        if (gradient_scale == 0) continue;
        scale_row(logits, gradient_scale / sum, whole, rest);
        logits[targets[r]] -= gradient_scale;
    }
}
