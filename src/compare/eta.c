#include "compare/eta.h"

#include "base/clock.h"
#include "compare/run.h"
#include "model/training_flops.h"

#include <math.h>

double eta_work(const eta *e, int variant) {
    return training_flops_per_token(&e->plan->variants[variant].config.model);
}

sigmoe_status eta_begin(eta *e, const comparison_plan *p) {
    char run[PATH_CAPACITY];
    *e = (eta){.plan = p, .started = seconds_now()};
    for (int i = 0; i < p->run_count; i++) {
        TRY(plan_run_path(p, p->runs[i].variant, p->runs[i].seed, run));
        if (!compare_run_finished(run, p->request->settings.steps))
            e->work += eta_work(e, p->runs[i].variant);
    }
    return SIGMOE_OK;
}

void eta_skip(eta *e, int variant, double part) {
    e->work -= part * eta_work(e, variant);
}

void eta_end(eta *e, int variant) {
    e->done += eta_work(e, variant);
}

double eta_seconds_left(const eta *e, double running) {
    double done = e->done + running;
    return done > 0 ? fmax(0, e->work - done) * (seconds_now() - e->started) / done : NAN;
}
