// The scalar reference: the formulas of the header, summed in double.
#include "kernels/cached_attention/cached_attention.h"

static double element(dtype type, const void *data, int64_t i) {
    return type == TYPE_BF16 ? (double)bf16_value(((const bf16 *)data)[i]) : (double)((const real *)data)[i];
}

static double raw_score(const cached_head *h, dtype type, int piece, int64_t row) {
    double sum = 0;
    for (int64_t c = 0; c < h->width; c++) {
        double q = element(type, h->q, c);
        sum += (q + (double)h->content_bias[c]) * element(type, h->k[piece], row * h->width + c);
        sum += (q + (double)h->position_bias[c]) * element(type, h->r[piece], row * h->width + c);
    }
    return sum;
}

static void run(const cached_head *h, dtype type, real *scores) {
    int64_t count = h->count[0] + h->count[1];
    real highest = -(real)INFINITY;
    for (int64_t j = 0; j < count; j++) {
        bool second = j >= h->count[0];
        scores[j] = h->scale * (real)raw_score(h, type, second, second ? j - h->count[0] : j);
        if (scores[j] > highest) highest = scores[j];
    }
    double total = 0;
    for (int64_t j = 0; j < count; j++) {
        scores[j] = real_exp(scores[j] - highest);
        total += (double)scores[j];
    }
    for (int64_t c = 0; c < h->width; c++) {
        double sum = 0;
        for (int64_t j = 0; j < count; j++) {
            bool second = j >= h->count[0];
            int64_t row = second ? j - h->count[0] : j;
            sum += (double)scores[j] * element(type, h->v[second], row * h->width + c);
        }
        if (type == TYPE_BF16)
            ((bf16 *)h->out)[c] = bf16_of((float)(sum / total));
        else
            ((real *)h->out)[c] = (real)(sum / total);
    }
}

static void head(const cached_head *h, real *scratch) {
    run(h, TYPE_REAL, scratch);
}

static void bf16_head(const cached_head *h, real *scratch) {
    run(h, TYPE_BF16, scratch);
}

extern const cached_attention_kernel cached_attention_ref, cached_attention_bf16_ref;
const cached_attention_kernel cached_attention_ref = {{"ref", CPU_SCALAR}, head};
const cached_attention_kernel cached_attention_bf16_ref = {{"ref", CPU_SCALAR}, bf16_head};
