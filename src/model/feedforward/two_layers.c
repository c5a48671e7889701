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

sigmoe_status two_layers_down(const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix y) {
    THREADS_PART(step->kernel.threads, "feedforward: down");
    const real *bias = ff_tensor(layer, DOWN_BIAS)->value;
    matrix weight = ff_operand(layer, step, DOWN_WEIGHT);
    return sparse ? sparse_gemm(&step->kernel,
                        &(sparse_gemm_call){.transpose_b = true, .bias = bias, .a = u, .b = weight, .c = y})
                  : dense_gemm(&step->kernel,
                        &(gemm_call){.transpose_b = true, .bias = bias, .a = u, .b = weight, .c = y});
}

// The products with u, and with its gradient du, which has gradients where u is above 0 alone.
typedef struct backward_products {
    const ff_layer *layer;
    step_context *step;
    matrix u, du, x, dy, dx;
} backward_products;

static sigmoe_status down_gradient(const backward_products *p, bool sparse) {
    matrix c = ff_gradient(p->layer, DOWN_WEIGHT);
    return sparse ? sparse_gemm(&p->step->kernel, &(sparse_gemm_call){.transpose_a = true,
                                                      .transpose_c = true,
                                                      .accumulate = true,
                                                      .a = p->u,
                                                      .b = p->dy,
                                                      .c = c})
                  : dense_gemm(&p->step->kernel,
                        &(gemm_call){.transpose_a = true, .accumulate = true, .a = p->dy, .b = p->u, .c = c});
}

static sigmoe_status up_gradient(const backward_products *p, bool sparse) {
    matrix c = ff_gradient(p->layer, UP_WEIGHT);
    return sparse ? sparse_gemm(&p->step->kernel,
                        &(sparse_gemm_call){
                            .transpose_a = true, .accumulate = true, .a = p->du, .b = p->x, .c = c})
                  : dense_gemm(&p->step->kernel,
                        &(gemm_call){.transpose_a = true, .accumulate = true, .a = p->du, .b = p->x, .c = c});
}

static sigmoe_status through_up(const backward_products *p, bool sparse) {
    matrix weight = ff_operand(p->layer, p->step, UP_WEIGHT);
    return sparse ? sparse_gemm(&p->step->kernel, &(sparse_gemm_call){.a = p->du, .b = weight, .c = p->dx})
                  : dense_gemm(&p->step->kernel, &(gemm_call){.a = p->du, .b = weight, .c = p->dx});
}

sigmoe_status two_layers_backward(
    const ff_layer *layer, step_context *step, bool sparse, matrix u, matrix x, matrix dy, matrix dx) {
    THREADS_PART(step->kernel.threads, "feedforward: backward");
    const kernel_context *kernel = &step->kernel;
    arena_mark mark = arena_here(kernel->scratch);
    backward_products p = {.layer = layer, .step = step, .u = u, .x = x, .dy = dy, .dx = dx};
    sigmoe_status status;
    TRY_OR(done, down_gradient(&p, sparse));
    TRY_OR(done, add_column_sums(kernel, dy, ff_tensor(layer, DOWN_BIAS)->gradient));

    TRY_OR(done, matrix_new(kernel->scratch, u.type, u.rows, u.cols, &p.du));
    gemm_call through_down = {.a = dy, .b = ff_operand(layer, step, DOWN_WEIGHT), .c = p.du};
    TRY_OR(done, dense_gemm(kernel, &through_down));
    // A channel is above 0 only if both ReLU and dropout let it pass, and then dropout's factor is the same for all: nothing
    // needs to be drawn again.
    double rate = inner_dropout(layer, step);
    relu_backward(kernel, u, p.du, rate < 1 ? (real)(1 / (1 - rate)) : 0);

    TRY_OR(done, up_gradient(&p, sparse));
    TRY_OR(done, add_column_sums(kernel, p.du, ff_tensor(layer, UP_BIAS)->gradient));
    TRY_OR(done, through_up(&p, sparse));
done:
    arena_release(kernel->scratch, mark);
    return status;
}
