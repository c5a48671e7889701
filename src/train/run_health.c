#include "train/run_health.h"

#include "base/progress.h"
#include "train/expert_load.h"
#include "train/quartiles.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------- losses

enum { LEAST_LOSSES = 50, SPIKE = 8, QUIET_STEPS = 50 };
static const double LEAST_RISE = 0.02; // of the median: less is noise, however even the losses were
static const double DEVIATIONS_OF_MAD =
    1.4826; // the standard deviation of normal values, in median distances

void run_health_loss(run_health *h, int64_t step, double loss, const sigmoe_observer *observer) {
    double sorted[HEALTH_LOSSES];
    if (h->count >= LEAST_LOSSES && step >= h->quiet_until) {
        memcpy(sorted, h->losses, (size_t)h->count * sizeof *sorted);
        double median = quartiles_of(sorted, h->count).median;
        for (int i = 0; i < h->count; i++) sorted[i] = fabs(h->losses[i] - median);
        double deviation = DEVIATIONS_OF_MAD * quartiles_of(sorted, h->count).median;
        double rise = loss - median;
        if (rise > SPIKE * deviation && rise > LEAST_RISE * fabs(median)) {
            progress_note(observer,
                "step %lld: the loss is %.4g, %.0f standard deviations above the %.4g of the last %d steps",
                (long long)step, loss, fmin(rise / fmax(deviation, 1e-3 * rise), 1000), median, h->count);
            h->quiet_until = step + QUIET_STEPS;
        }
    }
    h->losses[h->next] = loss;
    h->next = (h->next + 1) % HEALTH_LOSSES;
    if (h->count < HEALTH_LOSSES) h->count++;
}

// ---------------------------------------------------------------- experts

enum { IDLE_COUNTS = 4, LEAST_SHARE = 16, MOST_NAMED = 8 };
static const double COLLAPSED =
    1.25; // experts in use, by the entropy of their shares, for each that a token uses

// Experts that have now been idle for so long; those of earlier counts were told of before.
static void tell_idle(
    const int *idle, int64_t experts, int layer, int64_t step, const sigmoe_observer *observer) {
    char names[16 * MOST_NAMED] = "";
    int dead = 0;
    for (int64_t e = 0; e < experts; e++) {
        if (idle[e] != IDLE_COUNTS) continue;
        size_t used = strlen(names);
        if (dead++ < MOST_NAMED)
            snprintf(names + used, sizeof names - used, "%s%lld", used ? ", " : "", (long long)e);
    }
    if (dead == 0) return;
    progress_note(observer,
        "step %lld: layers.%d: no token was sent to expert%s %s%s in the batches counted since step %lld",
        (long long)step, layer, plural(dead), names, dead > MOST_NAMED ? " and others" : "",
        (long long)(step - (IDLE_COUNTS - 1) * USAGE_EVERY));
}

// The number of equally used experts that would have the same entropy.
static double effective(const ff_layer_statistics *l, int64_t experts) {
    double sum = 0, entropy = 0;
    for (int64_t e = 0; e < experts; e++) sum += l->weight[e];
    for (int64_t e = 0; e < experts; e++)
        if (l->weight[e] > 0) entropy -= l->weight[e] / sum * log(l->weight[e] / sum);
    return exp(entropy);
}

static void look_at_layer(run_health *h, int64_t step, const ff_statistics *s, int layer, int64_t used,
    const sigmoe_observer *observer) {
    const ff_layer_statistics *l = &s->layer[layer];
    int *idle = h->idle + layer * s->experts;
    for (int64_t e = 0; e < s->experts; e++) idle[e] = l->chosen[e] == 0 ? idle[e] + 1 : 0;
    tell_idle(idle, s->experts, layer, step, observer);
    double in_use = effective(l, s->experts);
    bool collapsed = s->experts > 2 * used && in_use < COLLAPSED * (double)used;
    if (collapsed && !h->collapsed[layer])
        progress_note(observer,
            "step %lld: layers.%d: the router has collapsed: it uses %.1f of %lld experts, and each token "
            "%lld",
            (long long)step, layer, in_use, (long long)s->experts, (long long)used);
    h->collapsed[layer] = collapsed;
}

sigmoe_status run_health_usage(run_health *h, int64_t step, const ff_statistics *s, int64_t used, arena *a,
    const sigmoe_observer *observer) {
    // In a small batch it means nothing that an expert is not used.
    if (s->experts == 0 || s->layer[0].tokens * used < LEAST_SHARE * s->experts) return SIGMOE_OK;
    if (!h->idle) {
        TRY(ARENA_NEW(a, h->collapsed, s->layers));
        TRY(ARENA_NEW(a, h->idle, s->layers * s->experts));
    }
    for (int i = 0; i < (int)s->layers; i++) look_at_layer(h, step, s, i, used, observer);
    return SIGMOE_OK;
}
