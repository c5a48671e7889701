// A feedforward variant that measures itself: the model calls it as any other, and it passes the calls on.
#pragma once

#include "model/feedforward/feedforward.h"

typedef struct ff_timer {
    ff_variant variant; // first member: what configurations point to
    const ff_variant *timed;
    double seconds; // spent in forward and backward
} ff_timer;

void ff_timer_wrap(ff_timer *timer, const ff_variant *variant);
