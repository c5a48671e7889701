#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

static real add_bias_and_find_greatest(real *logits, const real *bias, int64_t n) {
    real greatest = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        logits[i] += bias[i];
        if (logits[i] > greatest) greatest = logits[i];
    }
    return greatest;
}

static void row(
    real *logits, int64_t n, const real *bias, int32_t target, real gradient_scale, double *nats) {
    real greatest = add_bias_and_find_greatest(logits, bias, n);
    double sum = 0, target_below = (double)greatest - (double)logits[target];
    for (int64_t i = 0; i < n; i++) {
        logits[i] = real_exp(logits[i] - greatest);
        sum += logits[i];
    }
    *nats = log(sum) + target_below;
    if (gradient_scale == 0) return;
    for (int64_t i = 0; i < n; i++) logits[i] *= (real)(gradient_scale / sum);
    logits[target] -= gradient_scale;
}

static void rows_ref(real *logits, int64_t rows, int64_t vocabulary, const real *bias, const int32_t *targets,
    real gradient_scale, double *nats) {
    for (int64_t r = 0; r < rows; r++)
        row(logits + r * vocabulary, vocabulary, bias, targets[r], gradient_scale, &nats[r]);
}

extern const linear_cross_entropy_kernel linear_cross_entropy_ref;
const linear_cross_entropy_kernel linear_cross_entropy_ref = {{"ref", CPU_SCALAR}, rows_ref};
