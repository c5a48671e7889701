#include "distribute/communicator.h"
#include "distribute/exchange.h"

#include <stdlib.h>
#include <string.h>

// What every rank has of the whole, and how far the whole is put together.
typedef struct puzzle {
    const tensor_range *ranges; // [ranks]
    int ranks;
    int64_t reached;
} puzzle;

// The first rank that has what comes next; -1: none.
static int next_rank(const puzzle *p) {
    for (int rank = 0; rank < p->ranks; rank++)
        if (p->ranges[rank].count > 0 && p->ranges[rank].first == p->reached) return rank;
    return -1;
}

// Rank 0 gets what a rank has, in pieces that a message can hold.
static sigmoe_status fetch(exchange *e, int rank, const char *own, size_t size, char *place) {
    int me = e->c->rank;
    if (rank == 0) {
        if (me == 0) memmove(place, own, size);
        return SIGMOE_OK;
    }
    for (size_t from = 0; from < size; from += TRANSPORT_MOST) {
        size_t part = size - from < TRANSPORT_MOST ? size - from : TRANSPORT_MOST;
        if (me == 0) TRY(exchange_receive(e, place + from, part, rank));
        if (me == rank) TRY(exchange_send(e, own + from, part, 0));
        TRY(exchange_finish(e));
    }
    return SIGMOE_OK;
}

static sigmoe_status put_together(exchange *e, puzzle *p, const real *own, int64_t count, real *whole) {
    while (p->reached < count) {
        int rank = next_rank(p);
        if (rank < 0)
            return fail(SIGMOE_IO, "no rank has value %lld of %lld of a tensor", (long long)p->reached,
                (long long)count);
        real *place = whole ? whole + p->reached : NULL;
        size_t size = (size_t)p->ranges[rank].count * sizeof *own;
        TRY(fetch(e, rank, (const char *)own, size, (char *)place));
        p->reached += p->ranges[rank].count;
    }
    return SIGMOE_OK;
}

sigmoe_status communicator_collect_ranges(
    communicator *c, const real *own, tensor_range range, int64_t count, real *whole) {
    exchange e;
    if (!c) {
        memmove(whole + range.first, own, (size_t)range.count * sizeof *own);
        return SIGMOE_OK;
    }
    puzzle p = {.ranks = c->members.count};
    tensor_range *ranges = malloc((size_t)p.ranks * sizeof *ranges);
    if (!ranges) return fail(SIGMOE_NO_MEMORY, "no memory for what ranks have");
    p.ranges = ranges;
    sigmoe_status status = communicator_gather(c, &range, sizeof range, ranges);
    if (status == SIGMOE_OK) status = exchange_begin(c, &e);
    if (status == SIGMOE_OK) status = exchange_end(&e, put_together(&e, &p, own, count, whole));
    free(ranges);
    return status;
}
