#include "model/feedforward/router_weights.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"

sigmoe_status router_product_backward(const router_call *call, int tensor, matrix dproduct, matrix dx) {
    const step_context *step = call->step;
    matrix d;
    TRY(matrix_as(&step->kernel, dproduct, step->operands, &d));
    gemm_call dweight = {
        .transpose_a = true, .accumulate = true, .a = d, .b = call->x, .c = ff_gradient(call->layer, tensor)};
    TRY(dense_gemm(&step->kernel, &dweight));
    gemm_call through = {.accumulate = true, .a = d, .b = ff_operand(call->layer, step, tensor), .c = dx};
    return dense_gemm(&step->kernel, &through);
}

void softmax_over_chosen(const token_choice *t, const real *ranked) {
    real highest = -(real)INFINITY, sum = 0;
    for (int64_t k = 0; k < t->slots; k++) {
        int32_t e = t->chosen[k];
        if (!is_dropped(t, e) && ranked[e] > highest) highest = ranked[e];
    }
    for (int64_t k = 0; k < t->slots; k++) {
        int32_t e = t->chosen[k];
        t->weight[k] = is_dropped(t, e) ? 0 : real_exp(ranked[e] - highest);
        sum += t->weight[k];
    }
    if (sum == 0) return; // all are dropped
    for (int64_t k = 0; k < t->slots; k++) t->weight[k] /= sum;
}

void softmax_over_chosen_backward(const token_choice *t, const real *dweight, real *dlogits) {
    real mean = 0;
    for (int64_t k = 0; k < t->slots; k++) mean += t->weight[k] * dweight[k];
    for (int64_t k = 0; k < t->slots; k++) dlogits[t->chosen[k]] += t->weight[k] * (dweight[k] - mean);
}

void weigh_by_score(const token_choice *t) {
    for (int64_t k = 0; k < t->slots; k++)
        t->weight[k] = is_dropped(t, t->chosen[k]) ? 0 : t->scores[t->chosen[k]];
}

void logistic_weights_backward(const token_choice *t, const real *dweight, real *dlogits) {
    for (int64_t k = 0; k < t->slots; k++)
        dlogits[t->chosen[k]] += dweight[k] * t->weight[k] * (1 - t->weight[k]);
}
