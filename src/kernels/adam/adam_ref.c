#include "kernels/adam/adam_factors.h"

static void update(const adam_call *call) {
    const adam_factors f = adam_factors_of(call);
    for (int64_t i = 0; i < call->count; i++) {
        real g = call->gradient[i] * f.gradient;
        real m = f.keep1 * call->moment1[i] + f.take1 * g;
        real v = f.keep2 * call->moment2[i] + f.take2 * g * g;
        call->moment1[i] = m;
        call->moment2[i] = v;
        call->value[i] = call->value[i] * f.decay - f.rate * m / (real_sqrt(v) * f.root + f.epsilon);
        if (call->rounded) call->rounded[i] = bf16_of((float)call->value[i]);
    }
}

static double squares(const real *x, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)x[i] * x[i];
    return sum;
}

extern const adam_kernel adam_ref;
const adam_kernel adam_ref = {{"ref", CPU_SCALAR}, update, squares};
