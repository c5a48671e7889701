// Adam on vectors; included by one file per instruction set.
#include "kernels/adam/adam_factors.h"
#include "kernels/vector.h"

typedef struct element {
    vec value, moment1, moment2;
} element;

static inline element step(const adam_factors *f, element e, vec gradient) {
    vec g = gradient * vec_all(f->gradient);
    e.moment1 = vec_fma(vec_all(f->keep1), e.moment1, vec_all(f->take1) * g);
    e.moment2 = vec_fma(vec_all(f->keep2), e.moment2, vec_all(f->take2) * g * g);
    vec size = vec_fma(vec_sqrt(e.moment2), vec_all(f->root), vec_all(f->epsilon));
    e.value = e.value * vec_all(f->decay) - vec_all(f->rate) * e.moment1 / size;
    return e;
}

static void update_vector(const adam_call *call) {
    const adam_factors f = adam_factors_of(call);
    real *value = call->value, *moment1 = call->moment1, *moment2 = call->moment2;
    const real *gradient = call->gradient;
    int64_t i = 0;
    for (; i + LANES <= call->count; i += LANES) {
        element e = {vec_load(value + i), vec_load(moment1 + i), vec_load(moment2 + i)};
        e = step(&f, e, vec_load(gradient + i));
        vec_store(value + i, e.value);
        vec_store(moment1 + i, e.moment1);
        vec_store(moment2 + i, e.moment2);
        if (call->rounded) vec_store_bf16(call->rounded + i, e.value);
    }
    int64_t rest = call->count - i;
    if (rest == 0) return;
    element e = {
        vec_load_part(value + i, rest), vec_load_part(moment1 + i, rest), vec_load_part(moment2 + i, rest)};
    e = step(&f, e, vec_load_part(gradient + i, rest));
    vec_store_part(value + i, rest, e.value);
    vec_store_part(moment1 + i, rest, e.moment1);
    vec_store_part(moment2 + i, rest, e.moment2);
    if (call->rounded) vec_store_part_bf16(call->rounded + i, rest, e.value);
}

static double squares_vector(const real *x, int64_t count) {
    int64_t whole = count / (2 * LANES) * (2 * LANES);
    wide even = wide_zero(), odd = wide_zero();
    for (int64_t i = 0; i < whole; i += 2 * LANES) {
        even = wide_add_squares(even, vec_load(x + i));
        odd = wide_add_squares(odd, vec_load(x + i + LANES));
    }
    double rest = 0;
    for (int64_t i = whole; i < count; i++) rest += (double)x[i] * x[i];
    return wide_sum(even) + wide_sum(odd) + rest;
}
