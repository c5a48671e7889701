#include "kernels/pointwise/pointwise.h"

static void bias_relu_row(real *x, const real *bias, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real sum = bias ? x[i] + bias[i] : x[i];
        x[i] = sum > 0 ? sum : 0;
    }
}

static void add(real *y, const real *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

static void relu_backward_run(const real *u, real *dx, int64_t n, real factor) {
    for (int64_t i = 0; i < n; i++) dx[i] = u[i] > 0 ? factor * dx[i] : 0;
}

static void dropout_run(real *x, int64_t n, double p, random_stream stream, uint64_t first) {
    enum { PIECE = 256 };
    real factors[PIECE];
    for (int64_t start = 0; start < n; start += PIECE) {
        int64_t count = n - start < PIECE ? n - start : PIECE;
        random_dropout(stream, first + (uint64_t)start, count, p, factors);
        for (int64_t i = 0; i < count; i++) x[start + i] *= factors[i];
    }
}

static void softmax(real *x, int64_t n) {
    real greatest = x[0];
    double sum = 0;
    for (int64_t i = 1; i < n; i++) greatest = x[i] > greatest ? x[i] : greatest;
    for (int64_t i = 0; i < n; i++) {
        x[i] = real_exp(x[i] - greatest);
        sum += x[i];
    }
    for (int64_t i = 0; i < n; i++) x[i] = (real)(x[i] / sum);
}

static void softmax_backward(const real *y, real *d, int64_t n) {
    double dot = 0;
    for (int64_t i = 0; i < n; i++) dot += (double)y[i] * d[i];
    for (int64_t i = 0; i < n; i++) d[i] = y[i] * (d[i] - (real)dot);
}

static void widen(real *y, const bf16 *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = bf16_value(x[i]);
}

static void round_run(bf16 *y, const real *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = bf16_of((float)x[i]);
}

extern const pointwise_kernel pointwise_ref;
const pointwise_kernel pointwise_ref = {{"ref", CPU_SCALAR}, bias_relu_row, add, relu_backward_run,
    dropout_run, softmax, softmax_backward, widen, round_run};
