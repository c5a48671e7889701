#include "train/ff_timer.h"

#include "train/progress.h"

// The layer's variant is the timer's first member (ff_timer_wrap put it there).
static ff_timer *timer_of(const ff_layer *layer) {
    return (ff_timer *)layer->variant;
}

static sigmoe_status timed_forward(
    const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    ff_timer *timer = timer_of(layer);
    double start = seconds_now();
    sigmoe_status status = timer->timed->forward(layer, step, x, y, saved);
    timer->seconds += seconds_now() - start;
    return status;
}

static sigmoe_status timed_backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    ff_timer *timer = timer_of(layer);
    double start = seconds_now();
    sigmoe_status status = timer->timed->backward(layer, step, saved, x, dy, dx);
    timer->seconds += seconds_now() - start;
    return status;
}

void ff_timer_wrap(ff_timer *timer, const ff_variant *variant) {
    *timer = (ff_timer){.variant = *variant, .timed = variant};
    timer->variant.forward = timed_forward;
    timer->variant.backward = timed_backward;
}
