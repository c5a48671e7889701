#include "train/forecast.h"

#include "train/clock.h"
#include "train/training_flops.h"

#include <math.h>

double forecast_work(const comparison *c, int variant) {
    return training_flops_per_token(&c->variants[variant].config.model);
}

sigmoe_status forecast_begin(comparison *c) {
    char run[PATH_CAPACITY];
    c->forecast = (forecast){.started = seconds_now()};
    for (int i = 0; i < c->run_count; i++) {
        TRY(comparison_run_path(c, c->runs[i].variant, c->runs[i].seed, run));
        if (!compare_run_finished(run)) c->forecast.work += forecast_work(c, c->runs[i].variant);
    }
    return SIGMOE_OK;
}

void forecast_skip(comparison *c, int variant, double part) {
    c->forecast.work -= part * forecast_work(c, variant);
}

void forecast_end(comparison *c, int variant) {
    c->forecast.done += forecast_work(c, variant);
}

double forecast_seconds_left(const comparison *c, double running) {
    const forecast *f = &c->forecast;
    double done = f->done + running;
    return done > 0 ? fmax(0, f->work - done) * (seconds_now() - f->started) / done : NAN;
}
