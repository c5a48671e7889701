#include "kernels/peak/best_rate.h"

static const double noise = 0.005;
static const int64_t most_rounds = INT64_C(1) << 50; // in case the clock stands still

// The rate of one trial; doubles `rounds` until the trial is long enough.
static double rate_of_trial(timed_rounds *work, void *context, double least_seconds, int64_t *rounds) {
    double seconds = work(context, *rounds);
    while (seconds < least_seconds && *rounds < most_rounds) {
        *rounds *= 2;
        seconds = work(context, *rounds);
    }
    return (double)*rounds / seconds;
}

double best_rate(timed_rounds *work, void *context, const best_rate_plan *plan) {
    double best = 0;
    int64_t rounds = 1;
    for (int trial = 0, better = 0; trial < plan->most_trials; trial++) {
        double rate = rate_of_trial(work, context, plan->least_seconds, &rounds);
        if (rate > (1 + noise) * best) better = trial;
        if (rate > best) best = rate;
        if (trial + 1 >= plan->least_trials && trial - better >= plan->without_gain) break;
    }
    return best;
}
