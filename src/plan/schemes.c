#include "plan/schemes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

// Sums are made of as many values at a time (train/tensor_flow.c); a step agrees twice on what it goes on with.
enum { SUM_PIECE = 1 << 20, AGREEMENTS = 2, AGREEMENT_BYTES = 16 };
// Rows travel to experts and back, in the forward pass and in the backward pass.
enum { ROW_TRIPS = 4 };

static const double MOMENT_BYTES = 2 * sizeof(real);

const char *scheme_name(scheme s) {
    static const char *const names[SCHEMES] = {"data parallel", "ZeRO-1", "expert parallel", "expert + ZeRO"};
    return names[s];
}

bool scheme_moves_rows(scheme s) {
    return s == SCHEME_EXPERT || s == SCHEME_EXPERT_ZERO;
}

static bool shares_moments(scheme s) {
    return s == SCHEME_ZERO || s == SCHEME_EXPERT_ZERO;
}

// Of so many values, those that the scheme sends rounded after the update.
static double rounded_of(scheme s, double masters) {
    return shares_moments(s) ? masters : 0;
}

int64_t expert_group(scheme s, const step_work *w, int64_t ranks) {
    if (!scheme_moves_rows(s)) return 1;
    int64_t a = ranks, b = w->expert_count;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// ---------------------------------------------------------------- traffic

// Each rank gets its share of the values from all others, and gives them their sum: twice (R - 1) / R of the bytes, in messages to each.
// ZeRO-1 sends updated values instead of sums, and some of them rounded.
static void add_sum(double values, double rounded, int64_t ranks, step_traffic *t) {
    double others = (double)(ranks - 1), back = (values - rounded) * sizeof(real) + rounded * sizeof(bf16);
    if (ranks == 1 || values == 0) return;
    double pieces = ceil(values / SUM_PIECE);
    t->summed += others / (double)ranks * (values * sizeof(real) + back);
    t->rounds += 2 * pieces;
    t->messages += 2 * pieces * others;
}

static void add_gathers(double count, double bytes, int64_t ranks, step_traffic *t) {
    double others = (double)(ranks - 1);
    if (ranks == 1 || bytes == 0) return;
    t->small += count * others * bytes;
    t->rounds += count;
    t->messages += count * others;
}

// With an even load, of each rank's rows (E - 1) / E belong to experts of others.
static void add_rows(const step_work *w, int64_t group, step_traffic *t) {
    double trips = ROW_TRIPS * (double)w->layers, others = (double)(group - 1);
    if (group == 1) return;
    t->routed += trips * w->routed_bytes * others / (double)group;
    t->rounds += trips;
    t->messages += trips * others;
}

step_traffic scheme_traffic(scheme s, const step_work *w, int64_t ranks) {
    step_traffic t = {0};
    int64_t group = expert_group(s, w, ranks);
    if (scheme_moves_rows(s)) {
        double experts = w->experts / (double)group, masters = w->expert_masters / (double)group;
        add_sum(w->shared, rounded_of(s, w->shared_masters), ranks, &t);
        add_sum(experts, rounded_of(s, masters), ranks / group, &t);
        add_rows(w, group, &t);
    } else {
        add_sum(w->shared + w->experts, rounded_of(s, w->shared_masters + w->expert_masters), ranks, &t);
    }
    add_gathers((double)w->layers, w->gathered_bytes, ranks, &t);
    add_gathers(AGREEMENTS, AGREEMENT_BYTES, ranks, &t);
    return t;
}

// ---------------------------------------------------------------- memory

// Of the parameters whose moments a rank has.
double scheme_updates(scheme s, const step_work *w, int64_t ranks) {
    int64_t group = expert_group(s, w, ranks);
    if (shares_moments(s)) return (w->shared + w->experts) / (double)ranks;
    return w->shared + w->experts / (double)group;
}

// Values that the rank leaves to others, beside those of experts that it has nothing of.
static double given_up_bytes(scheme s, const step_work *w, int64_t ranks, int64_t group) {
    double all = w->shared_masters + w->expert_masters / (double)group,
           own = (w->shared_masters + w->expert_masters) / (double)ranks;
    return rounded_of(s, all - own) * sizeof(real);
}

double scheme_memory(scheme s, const step_work *w, int64_t ranks) {
    int64_t group = expert_group(s, w, ranks);
    double parameters =
        w->shared_bytes + w->expert_bytes / (double)group - given_up_bytes(s, w, ranks, group);
    double moments = MOMENT_BYTES * scheme_updates(s, w, ranks);
    // Of each layer the backward pass needs the rows that came; a layer's results and their gradients are there for a while.
    double rows = group == 1 ? 0 : ((double)w->layers + 2) * w->routed_bytes;
    return parameters + moments + w->activation_bytes + rows;
}

// ---------------------------------------------------------------- limits

bool scheme_possible(scheme s, const step_work *w, int64_t ranks, int64_t batch, char *problem, size_t size) {
    *problem = '\0';
    if (ranks > batch)
        snprintf(problem, size, "%" PRId64 " sequences are too few for %" PRId64 " ranks", batch, ranks);
    else if (batch % ranks)
        snprintf(problem, size, "%" PRId64 " sequences cannot be divided among %" PRId64 " ranks evenly",
            batch, ranks);
    else if (scheme_moves_rows(s) && !w->expert_count)
        snprintf(problem, size, "the model has no experts");
    else if (scheme_moves_rows(s) && ranks > 1 && expert_group(s, w, ranks) == 1)
        snprintf(problem, size, "%" PRId64 " experts cannot be divided among %" PRId64 " ranks",
            w->expert_count, ranks);
    return !*problem;
}
