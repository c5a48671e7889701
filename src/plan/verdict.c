#include "plan/verdict.h"

#include <inttypes.h>
#include <math.h>

// Nodes are of use while this share of their time goes to what one node would do, too.
static const double OF_USE = 0.5;

// Of the possible schemes the fastest; SCHEMES: none is possible.
static sigmoe_status find_fastest(const planned_training *t, int model, scheme *best, scaling_point *point) {
    *best = SCHEMES;
    for (scheme s = 0; s < SCHEMES; s++) {
        scaling_point p;
        TRY(scaling_at(t, model, s, t->nodes, t->batch, t->batch, &p));
        if (*p.problem || (*best != SCHEMES && p.estimate.seconds >= point->estimate.seconds)) continue;
        *best = s;
        *point = p;
    }
    return SIGMOE_OK;
}

typedef struct useful_nodes {
    int64_t most;    // that are of use, by the best scheme at each number
    int64_t fastest; // on which a step is shortest
} useful_nodes;

static useful_nodes find_useful(const scaling_point points[SCHEMES][SCALING_POINTS]) {
    useful_nodes u = {1, 1};
    double shortest = INFINITY;
    for (int i = 0; i < SCALING_POINTS; i++)
        for (scheme s = 0; s < SCHEMES; s++) {
            const scaling_point *p = &points[s][i];
            if (*p->problem) continue;
            if (p->efficiency >= OF_USE) u.most = p->ranks;
            if (p->estimate.seconds >= shortest) continue;
            shortest = p->estimate.seconds;
            u.fastest = p->ranks;
        }
    return u;
}

static const char *ending(int64_t count) {
    return count == 1 ? "" : "s";
}

static void print_scaling(FILE *out, const planned_training *t, int model, const scaling *s) {
    const char *name = t->models[model].variant->name;
    int64_t each = t->batch / t->nodes;
    useful_nodes strong = find_useful(s->points[SCALING_STRONG][model]);
    useful_nodes weak = find_useful(s->points[SCALING_WEAK][model]);
    fprintf(out,
        "%s: a batch of %" PRId64 " pays up to %" PRId64 " node%s, where at least half of their time is work "
        "that one node would do, too; a step is shortest on %" PRId64 ". With %" PRId64
        " sequence%s for each node, %" PRId64 " node%s pay%s.\n",
        name, t->batch, strong.most, ending(strong.most), strong.fastest, each, ending(each), weak.most,
        ending(weak.most), weak.most == 1 ? "s" : "");
}

static sigmoe_status print_model(FILE *out, const planned_training *t, int model, const scaling *s) {
    scheme best;
    scaling_point p;
    TRY(find_fastest(t, model, &best, &p));
    if (best == SCHEMES) return SIGMOE_OK;
    fprintf(out,
        "%s: %s is fastest on %" PRId64
        " node%s: %.3g s a step, %.0f %% of it communication; %.3g times as fast "
        "as one node.\n",
        t->models[model].variant->name, scheme_name(best), t->nodes, ending(t->nodes), p.estimate.seconds,
        100 * p.estimate.communication / p.estimate.seconds, p.speedup);
    print_scaling(out, t, model, s);
    return SIGMOE_OK;
}

sigmoe_status verdict_print(FILE *out, const planned_training *t, const scaling *s) {
    for (int model = 0; model < t->model_count; model++) TRY(print_model(out, t, model, s));
    return SIGMOE_OK;
}
