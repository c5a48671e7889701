// The activations of experts and their derivatives, in every implementation, against the C library in double precision: one
// channel with weights of 1 makes hidden the activation of x, and dx its derivative.
#include "kernels/check.h"

#include "kernels/expert_ffn/expert_ffn.h"

enum { VALUES = 20011, SPECIAL = 6 };

static double normal_distribution(double x) {
    return 0.5 * erfc(-x / sqrt(2));
}

static double value_of(sigmoe_activation activation, double x) {
    double inner = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    switch (activation) {
    case SIGMOE_RELU:
        return fmax(x, 0);
    case SIGMOE_RELU2:
        return x > 0 ? x * x : 0;
    case SIGMOE_GELU:
        return x * normal_distribution(x);
    case SIGMOE_GELU_TANH:
        return x * 0.5 * (1 + tanh(inner));
    case SIGMOE_SILU:
        return x / (1 + exp(-x));
    }
    return NAN;
}

static double slope_of(sigmoe_activation activation, double x) {
    double pi = acos(-1), c = sqrt(2 / pi), t = tanh(c * (x + 0.044715 * x * x * x)), s = 1 / (1 + exp(-x));
    switch (activation) {
    case SIGMOE_RELU:
        return x > 0;
    case SIGMOE_RELU2:
        return x > 0 ? 2 * x : 0;
    case SIGMOE_GELU:
        return normal_distribution(x) + x * exp(-x * x / 2) / sqrt(2 * pi);
    case SIGMOE_GELU_TANH:
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
    case SIGMOE_SILU:
        return s + x * s * (1 - s);
    }
    return NAN;
}

// Mostly in [-12, 12], closely around 0 and around where approximations meet; some far out.
static void draw(real *x) {
    static const real special[SPECIAL] = {0, 1e-30f, -1e-30f, 300, -300, 1e4f};
    for (int i = 0; i < SPECIAL; i++) x[i] = special[i];
    for (int i = SPECIAL; i < VALUES; i++) {
        double t = (double)(i - SPECIAL) / (VALUES - SPECIAL - 1);
        x[i] = (real)(i % 3 == 0 ? 24 * t - 12 : i % 3 == 1 ? 1.5 * (2 * t - 1) : 1e-3 * (2 * t - 1));
    }
}

static void require_near(const char *what, int activation, real x, double expected, real got, double within) {
    if (!(fabs(expected - (double)got) <= within))
        fail_msg("%s of activation %d at %.9g: %.9g, but the C library gives %.9g", what, activation,
            (double)x, (double)got, expected);
}

static void run(const kernel_context *context, int index, check_output *out) {
    sigmoe_activation activation = (sigmoe_activation)index;
    int64_t offset[] = {0, VALUES};
    int32_t *pair = arena_take(out->memory, VALUES, sizeof *pair);
    real *x = check_vector(out, VALUES, 0), *weight = check_vector(out, VALUES, 0), one = 1;
    for (int i = 0; i < VALUES; i++) pair[i] = i, weight[i] = 1;
    draw(x);
    expert_grouping grouping = {VALUES, 1, 1, offset, pair, pair};
    matrix single = matrix_of(&one, 1, 1);
    expert_ffn_call call = {.grouping = &grouping,
        .set = {.experts = 1,
            .width = 1,
            .expert_size = 1,
            .out_width = 1,
            .activation = activation,
            .up = single,
            .down = single},
        .x = matrix_of(x, VALUES, 1),
        .before = check_matrix(out, VALUES, 1, 0, 1),
        .hidden = check_matrix(out, VALUES, 1, 0, 2),
        .weight = weight};
    assert_int_equal(expert_ffn_up(context, &call), SIGMOE_OK);
    expert_ffn_gradients gradients = {
        .dy = matrix_of(weight, VALUES, 1), .dx = check_matrix(out, VALUES, 1, 0, 3)};
    assert_int_equal(expert_ffn_backward(context, &call, &gradients), SIGMOE_OK);
    // Far below 0, 1 + erf is rounded to nearly 0 and multiplied by x.
    for (int i = 0; i < VALUES; i++) {
        double value = value_of(activation, (double)x[i]), slope = slope_of(activation, (double)x[i]);
        double size = fmin(fabs((double)x[i]), 12);
        require_near(
            "value", index, x[i], value, matrix_real(call.hidden)[i], 3e-7 * fabs(value) + 1e-7 * size);
        require_near("slope", index, x[i], slope, matrix_real(gradients.dx)[i], 1e-6 * fmax(1, fabs(slope)));
    }
    check_emit_matrix(out, "hidden", call.hidden, 2e-6);
    check_emit_matrix(out, "dx", gradients.dx, 2e-6);
}

int main(void) {
    return check_kernels(&(check_operation){"expert_ffn", 5, run}) != 0;
}
