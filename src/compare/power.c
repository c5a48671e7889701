#include "compare/power.h"

#include "base/progress.h"
#include "compare/studentized_range.h"

#include <math.h>
#include <stdlib.h>

static const double POWER = 0.8;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// A difference of this size lies beyond its interval, and the estimate on the right side of it, in 4 of 5 comparisons.
static sigmoe_status detectable_difference(const judgement *j, arena *a, double *out) {
    double *all;
    int count = 0;
    *out = NAN;
    TRY(ARENA_NEW(a, all, j->pair_count));
    for (int i = 0; i < j->pair_count; i++) {
        const variant_pair *p = &j->pairs[i];
        if (p->verdict == PAIR_UNJUDGED) continue;
        double error = sqrt(p->variance / p->seeds), half = (p->high - p->low) / 2;
        all[count++] = half + error * student_quantile(POWER, p->freedom);
    }
    if (count == 0) return SIGMOE_OK;
    qsort(all, (size_t)count, sizeof *all, ascending);
    *out = all[count / 2];
    return SIGMOE_OK;
}

// Half of an interval's width over √variance, with that many seeds of every row.
typedef struct widths {
    double width[MOST_FORESEEN_SEEDS + 1]; // 0: not computed yet
    double error;
    int rows;
} widths;

static double width_with(widths *w, int seeds) {
    if (w->width[seeds] > 0) return w->width[seeds];
    bool pooled = seeds < POOLED_BELOW;
    double freedom = pooled ? (w->rows - 1.0) * (seeds - 1) : seeds - 1;
    return w->width[seeds] = critical_value(w->error, w->rows, pooled, freedom) / sqrt(seeds);
}

static bool settles(widths *w, const variant_pair *p, int seeds) {
    double half = width_with(w, seeds) * sqrt(p->variance), apart = fabs(p->difference);
    return half < apart || half + apart <= p->margin;
}

// The fewest seeds that settle the pair; MOST_FORESEEN_SEEDS + 1: more than that.
static int seeds_to_settle(widths *w, const variant_pair *p, int done) {
    int low = done, high = MOST_FORESEEN_SEEDS; // low does not, high does
    if (done >= high || !settles(w, p, high)) return MOST_FORESEEN_SEEDS + 1;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (settles(w, p, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

sigmoe_status power_of(const judgement *j, int seeds, double next_error, arena *a, power_estimate *out) {
    widths *w;
    int most = seeds;
    *out = (power_estimate){.open = open_pairs(j), .hardest = -1};
    TRY(detectable_difference(j, a, &out->detectable));
    TRY(ARENA_NEW(a, w, 1));
    w->error = next_error;
    w->rows = j->judged_rows;
    for (int i = 0; i < j->pair_count; i++) {
        if (!pair_is_open(j, &j->pairs[i])) continue;
        int needed = seeds_to_settle(w, &j->pairs[i], seeds);
        if (out->hardest < 0 || needed > most) out->hardest = i;
        most = needed > most ? needed : most;
    }
    out->beyond = most > MOST_FORESEEN_SEEDS;
    if (out->beyond) most = MOST_FORESEEN_SEEDS > seeds ? MOST_FORESEEN_SEEDS : seeds;
    out->more_seeds = most - seeds;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- in words

static const char *open_text(const comparison_result *c, const judgement *j, const power_estimate *p) {
    if (p->open == 0) return "Every pair that matters is decided.";
    const variant_pair *hardest = &j->pairs[p->hardest];
    const char *pairs = arena_text(c->arena, "%d pair%s that matter%s undecided", p->open, plural(p->open),
        p->open == 1 ? "s is" : " are");
    const char *names = arena_text(
        c->arena, "%s and %s", c->plan->variants[hardest->a].label, c->plan->variants[hardest->b].label);
    if (!pairs || !names) return NULL;
    if (p->beyond)
        return arena_text(
            c->arena, "%s; %s would take more than %d seeds.", pairs, names, MOST_FORESEEN_SEEDS);
    return arena_text(c->arena,
        "%s; about %d more seed%s would settle %s, should differences and spread stay (%s).", pairs,
        p->more_seeds, plural(p->more_seeds), p->open == 1 ? "it" : "them", names);
}

sigmoe_status power_text(const comparison_result *c, const judgement *j, const char **out) {
    const comparison_plan *plan = c->plan;
    power_estimate p;
    *out = "";
    if (plan->variant_count < 2) return SIGMOE_OK;
    if (plan->seed_count < LEAST_PAIRS)
        *out = arena_text(c->arena, "%d more seed%s would be the least for a verdict.",
            LEAST_PAIRS - plan->seed_count, plural(LEAST_PAIRS - plan->seed_count));
    if (j->best >= 0) {
        double next = error_of_look(plan->look + 1, plan->sequential);
        TRY(power_of(j, plan->seed_count, next, c->arena, &p));
        const char *rest = open_text(c, j, &p);
        if (!rest) return SIGMOE_NO_MEMORY;
        *out = arena_text(c->arena, "%d seeds show a difference of %.*f %s in 4 of 5 comparisons. %s",
            plan->seed_count, plan_decimals(plan), p.detectable, plan_unit(plan), rest);
    }
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
