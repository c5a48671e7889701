#include "kernels/layer_norm/layer_norm.h"

static real mean_of(const real *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return (real)(sum / (double)n);
}

static real variance_of(const real *x, int64_t n, real mean) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return (real)(sum / (double)n);
}

static void forward(
    const real *x, int64_t stride_x, const real *weight, const real *bias, real *mean, real *rstd, matrix y) {
    for (int64_t r = 0; r < y.rows; r++, x += stride_x) {
        mean[r] = mean_of(x, y.cols);
        rstd[r] = 1 / real_sqrt(variance_of(x, y.cols, mean[r]) + LAYER_NORM_EPSILON);
        for (int64_t i = 0; i < y.cols; i++) {
            real value = (x[i] - mean[r]) * rstd[r] * weight[i] + bias[i];
            if (y.type == TYPE_BF16)
                ((bf16 *)matrix_row(y, r))[i] = bf16_of((float)value);
            else
                ((real *)matrix_row(y, r))[i] = value;
        }
    }
}

// With n = (x - mean)·rstd and g = dy·weight: dx = rstd · (g - mean(g) - n · mean(g·n)).
static void backward_row(
    const real *x, int64_t width, const real *weight, real mean, real rstd, const real *dy, real *dx) {
    double sum = 0, projection = 0;
    for (int64_t i = 0; i < width; i++) {
        real g = dy[i] * weight[i];
        sum += g;
        projection += g * ((x[i] - mean) * rstd);
    }
    real mean_g = (real)(sum / (double)width), mean_gn = (real)(projection / (double)width);
    for (int64_t i = 0; i < width; i++)
        dx[i] += rstd * (dy[i] * weight[i] - mean_g - (x[i] - mean) * rstd * mean_gn);
}

static void backward(const real *x, int64_t stride_x, int64_t rows, int64_t width, const real *weight,
    const real *mean, const real *rstd, const real *dy, int64_t stride_dy, real *dx, int64_t stride_dx,
    real *dweight, real *dbias) {
    for (int64_t i = 0; i < width; i++) dweight[i] = dbias[i] = 0;
    for (int64_t r = 0; r < rows; r++, x += stride_x, dy += stride_dy) {
        for (int64_t i = 0; i < width; i++) {
            dweight[i] += dy[i] * ((x[i] - mean[r]) * rstd[r]);
            dbias[i] += dy[i];
        }
        if (dx) backward_row(x, width, weight, mean[r], rstd[r], dy, dx + r * stride_dx);
    }
}

extern const layer_norm_kernel layer_norm_ref;
const layer_norm_kernel layer_norm_ref = {{"ref", CPU_SCALAR}, forward, backward};
