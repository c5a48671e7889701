#include "plan/measure_messages.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

// More than caches hold, as gradients are; VALUES of them are summed, BYTES sent to each other rank.
enum { SMALL_ROUNDS = 200, LARGE_ROUNDS = 30, VALUES = 1 << 24, BYTES = 1 << 22 };

typedef struct measurement {
    communicator *link;
    arena *a;
    real *values; // [VALUES]
    char *own;    // [BYTES]
    char *all;    // [ranks, BYTES]
} measurement;

typedef sigmoe_status exchange_once(measurement *m);

static sigmoe_status send_small(measurement *m) {
    return communicator_gather(m->link, m->own, sizeof(double), m->all);
}
static sigmoe_status send_large(measurement *m) {
    return communicator_gather(m->link, m->own, BYTES, m->all);
}
static sigmoe_status sum_values(measurement *m) {
    return communicator_sum(m->link, NULL, m->values, VALUES, m->a);
}

// The shortest of the rounds, on average over the ranks; the first is a warm-up.
static sigmoe_status time_rounds(measurement *m, exchange_once *once, int rounds, double *seconds) {
    double least = INFINITY;
    TRY(once(m));
    for (int i = 0; i < rounds; i++) {
        TRY(communicator_meet(m->link));
        double start = seconds_now();
        TRY(once(m));
        least = fmin(least, seconds_now() - start);
    }
    return mean_over_ranks(m->link, &least, 1, seconds);
}

static sigmoe_status measure(measurement *m, message_rates *rates) {
    int ranks = communicator_ranks(m->link);
    double small, large, sum, others = ranks - 1;
    TRY(ARENA_NEW(m->a, m->values, VALUES));
    TRY(ARENA_NEW(m->a, m->own, BYTES));
    TRY(ARENA_NEW(m->a, m->all, (int64_t)ranks * BYTES));
    TRY(time_rounds(m, send_small, SMALL_ROUNDS, &small));
    TRY(time_rounds(m, sum_values, LARGE_ROUNDS, &sum));
    TRY(time_rounds(m, send_large, LARGE_ROUNDS, &large));
    *rates = (message_rates){.ranks = ranks,
        .microseconds = 1e6 * small / others,
        .sum = 2 * others / ranks * VALUES * sizeof(real) / (1e9 * sum),
        .exchange = others * BYTES / (1e9 * large)};
    return SIGMOE_OK;
}

sigmoe_status measure_messages(communicator *link, message_rates *rates) {
    measurement m = {.link = link};
    *rates = (message_rates){0};
    if (!link) return SIGMOE_OK;
    TRY(arena_create("messages", &m.a));
    sigmoe_status status = measure(&m, rates);
    arena_destroy(m.a);
    return status;
}

sigmoe_status mean_over_ranks(communicator *link, const double *own, int count, double *means) {
    int ranks = communicator_ranks(link);
    double *all = calloc((size_t)ranks * (size_t)count, sizeof *all);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for times");
    sigmoe_status status = communicator_gather(link, own, (size_t)count * sizeof *own, all);
    for (int i = 0; i < count; i++) means[i] = 0;
    for (int rank = 0; rank < ranks; rank++)
        for (int i = 0; i < count; i++) means[i] += all[rank * count + i] / ranks;
    free(all);
    return status;
}
