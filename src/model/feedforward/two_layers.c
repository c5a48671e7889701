#include "model/feedforward/two_layers.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/sparse_gemm/sparse_gemm.h"

sigmoe_status two_layers_declare(
    int64_t d_ff, const ff_surroundings *around, int layer, bool exact_down, parameter_list *list) {
    int64_t d = around->d_model;
    double scale = ff_init_scale(around);
    TRY(ff_declare(list, layer,
        (parameter_declaration){.name = "up.weight",
            .dims = 2,
            .shape = {d_ff, d},
            .init = INIT_TRUNCATED,
            .init_scale = scale / sqrt((double)d),
            .product = true,
            .large = true}));
    TRY(ff_declare(list, layer,
        (parameter_declaration){.name = "up.bias", .dims = 1, .shape = {d_ff}, .init = INIT_ZERO}));
    TRY(ff_declare(list, layer,
        (parameter_declaration){.name = "down.weight",
            .dims = 2,
            .shape = {d, d_ff},
            .init = INIT_TRUNCATED,
            .init_scale = scale / sqrt((double)d_ff),
            .product = true,
            .large = true,
            .exact = exact_down}));
    return ff_declare(list, layer,
        (parameter_declaration){.name = "down.bias", .dims = 1, .shape = {d}, .init = INIT_ZERO});
}

static double inner_dropout(const ff_layer *layer, const step_context *step) {
    return step->training ? layer->around.dropout : 0;
}

sigmoe_status two_layers_up(const ff_layer *layer, step_context *step, matrix x, matrix u) {
    THREADS_PART(step->kernel.threads, "feedforward: up");
    gemm_call call = {.transpose_b = true,
        .relu = true,
        .bias = ff_tensor(layer, UP_BIAS)->value,
        .a = x,
        .b = ff_operand(layer, step, UP_WEIGHT),
        .c = u};
    TRY(dense_gemm(&step->kernel, &call));
    double rate = inner_dropout(layer, step);
    if (rate > 0)
        dropout(&step->kernel, u, rate, step_random(step, layer->layer, RANDOM_DROPOUT_FF_INNER),
            (uint64_t)(step_first_token(step) * u.cols));
    return SIGMOE_OK;
}

// A product whose left factor is mostly 0 if `sparse`. A transposed one is that of the factors exchanged.
static sigmoe_status multiply(const kernel_context *kernel, bool sparse, const sparse_gemm_call *call) {
    if (sparse) return sparse_gemm(kernel, call);
    gemm_call dense = {.transpose_a = call->transpose_a,
        .transpose_b = call->transpose_b,
        .accumulate = call->accumulate,
        .bias = call->bias,
        .a = call->a,
        .b = call->b,
        .c = call->c};
    if (call->transpose_c) {
        dense.transpose_a = !call->transpose_b, dense.transpose_b = !call->transpose_a;
        dense.a = call->b, dense.b = call->a;
    }
    return dense_gemm(kernel, &dense);
}

sigmoe_status two_layers_down(const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix y) {
    THREADS_PART(step->kernel.threads, "feedforward: down");
    sparse_gemm_call call = {.transpose_b = true,
        .bias = ff_tensor(layer, DOWN_BIAS)->value,
        .a = u,
        .b = ff_operand(layer, step, DOWN_WEIGHT),
        .c = y};
    return multiply(&step->kernel, sparse, &call);
}

// The gradient of the channels, du, from that of the output.
static sigmoe_status through_down(
    const ff_layer *layer, step_context *step, matrix u, matrix dy, matrix *du) {
    TRY(matrix_new(step->kernel.scratch, u.type, u.rows, u.cols, du));
    gemm_call call = {.a = dy, .b = ff_operand(layer, step, DOWN_WEIGHT), .c = *du};
    TRY(dense_gemm(&step->kernel, &call));
    // A channel is above 0 only if both ReLU and dropout let it pass, and then dropout's factor is the same for all: nothing
    // needs to be drawn again.
    double rate = inner_dropout(layer, step);
    relu_backward(&step->kernel, u, *du, rate < 1 ? (real)(1 / (1 - rate)) : 0);
    return SIGMOE_OK;
}

sigmoe_status two_layers_backward(
    const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix x, matrix dy, matrix dx) {
    THREADS_PART(step->kernel.threads, "feedforward: backward");
    const kernel_context *kernel = &step->kernel;
    arena_mark mark = arena_here(kernel->scratch);
    matrix du;
    sigmoe_status status;
    sparse_gemm_call down = {.transpose_a = true,
        .transpose_c = true,
        .accumulate = true,
        .a = u,
        .b = dy,
        .c = ff_gradient(layer, DOWN_WEIGHT)};
    TRY_OR(done, multiply(kernel, sparse, &down));
    TRY_OR(done, add_column_sums(kernel, dy, ff_tensor(layer, DOWN_BIAS)->gradient));

    TRY_OR(done, through_down(layer, step, u, dy, &du));
    sparse_gemm_call up = {
        .transpose_a = true, .accumulate = true, .a = du, .b = x, .c = ff_gradient(layer, UP_WEIGHT)};
    TRY_OR(done, multiply(kernel, sparse, &up));
    TRY_OR(done, add_column_sums(kernel, du, ff_tensor(layer, UP_BIAS)->gradient));

    sparse_gemm_call through_up = {.a = du, .b = ff_operand(layer, step, UP_WEIGHT), .c = dx};
    TRY_OR(done, multiply(kernel, sparse, &through_up));
done:
    arena_release(kernel->scratch, mark);
    return status;
}
