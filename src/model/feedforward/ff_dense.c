// The dense block: every channel is computed and summed.
#include "model/feedforward/statistics.h"
#include "model/feedforward/two_layers.h"

static const option options[] = {
    {.name = "d_ff",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, dense.d_ff),
        .required = true,
        .low = 1,
        .high = 1 << 24,
        .help = "inner width"},
};

static sigmoe_status check(const ff_options *values, const ff_surroundings *around) {
    (void)around;
    return option_check(ff_variant_dense.options, "ff.", values);
}

static sigmoe_status declare(
    const ff_options *values, const ff_surroundings *around, int layer, parameter_list *list) {
    return two_layers_declare(values->dense.d_ff, around, layer, false, list);
}

static sigmoe_status forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    arena_mark mark = arena_here(step->kernel.scratch);
    arena *home = ff_home(step);
    sigmoe_status status;
    matrix *u;
    TRY_OR(done, ARENA_NEW(home, u, 1));
    TRY_OR(done, matrix_new(home, step->operands, x.rows, layer->options.dense.d_ff, u));
    TRY_OR(done, two_layers_up(layer, step, x, *u));
    observe_channels(layer, step, *u);
    TRY_OR(done, two_layers_down(layer, step, false, *u, y));
    *saved = step->keep ? u : NULL;
done:
    arena_release(step->kernel.scratch, mark);
    return status;
}

static sigmoe_status backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    return two_layers_backward(layer, step, false, *(matrix *)saved, x, dy, dx);
}

static double multiply_adds(const ff_options *values, const ff_surroundings *around) {
    return 2.0 * (double)around->d_model * (double)values->dense.d_ff;
}

static double saved_bytes(const ff_options *values, const ff_surroundings *around, dtype operands) {
    (void)around;
    return (double)dtype_size(operands) * (double)values->dense.d_ff;
}

static int64_t channels(const ff_options *values) {
    return values->dense.d_ff;
}

const ff_variant ff_variant_dense = {
    .name = "dense",
    .help = "two dense layers with a ReLU between them",
    .options = {options, sizeof options / sizeof *options},
    .check = check,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .multiply_adds = multiply_adds,
    .executed_multiply_adds = multiply_adds,
    .saved_bytes = saved_bytes,
    .channels = channels,
};
