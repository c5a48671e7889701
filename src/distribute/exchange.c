#include "distribute/exchange.h"

#include "base/clock.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { YIELDS = 2000 }; // looks before a process sleeps between them

static sigmoe_status lost(communicator *c, int peer) {
    int other = communicator_transport_rank(c, peer), own = c->link->rank;
    c->whole->broken = true;
    return fail(SIGMOE_IO, "rank %d on %s cannot be reached from rank %d on %s", other,
        c->whole->hosts[other], own, c->whole->hosts[own]);
}

// Room for one more, before it begins.
static sigmoe_status grow(exchange *e) {
    if (e->count < e->capacity) return SIGMOE_OK;
    int capacity = 2 * e->capacity;
    transfer *all = realloc(e->all, (size_t)capacity * sizeof *all);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for messages");
    e->all = all;
    e->capacity = capacity;
    return SIGMOE_OK;
}

static sigmoe_status add(exchange *e, void *request, int peer, bool comes) {
    if (!request) return lost(e->c, peer);
    e->all[e->count++] = (transfer){request, peer, comes};
    return SIGMOE_OK;
}

sigmoe_status exchange_send(exchange *e, const void *bytes, size_t size, int peer) {
    if (size == 0) return SIGMOE_OK;
    TRY(grow(e));
    return add(
        e, e->c->link->send(bytes, size, communicator_transport_rank(e->c, peer), e->tag), peer, false);
}

sigmoe_status exchange_receive(exchange *e, void *bytes, size_t size, int peer) {
    if (size == 0) return SIGMOE_OK;
    TRY(grow(e));
    return add(
        e, e->c->link->receive(bytes, size, communicator_transport_rank(e->c, peer), e->tag), peer, true);
}

sigmoe_status exchange_listen(communicator *c) {
    kept_failure notice;
    if (!c->link->heard(&notice, sizeof notice)) return SIGMOE_OK;
    c->whole->broken = true;
    return failure_again(&notice);
}

// Gives the processor away while nothing comes: ranks may share one.
static void pause_for(int64_t looks) {
    if (looks < YIELDS)
        sched_yield();
    else
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

void exchange_tell(communicator *c, const kept_failure *failure) {
    static kept_failure notice; // stays behind when this process does not wait for everybody to read it
    c->whole->broken = true;
    notice = *failure;
    snprintf(notice.sentence, sizeof notice.sentence, "rank %d on %s: %.*s", c->link->rank,
        c->whole->hosts[c->link->rank], MESSAGE_CAPACITY - HOST_NAME - 32, failure->sentence);
    for (int peer = 0; peer < c->link->ranks; peer++) {
        if (peer == c->link->rank) continue;
        void *request = c->link->send(&notice, sizeof notice, peer, TRANSPORT_NOTICE);
        for (int looks = 0; request && looks < 2 * YIELDS && c->link->done(request) == 0; looks++)
            pause_for(looks);
    }
}

// When rank 0 is the one that does not answer, rank 1 says so.
static sigmoe_status give_up(communicator *c, int peer) {
    int other = communicator_transport_rank(c, peer);
    fail(SIGMOE_IO,
        "rank %d on %s has not answered for %g s; `resume` goes on from the newest checkpoint, with any "
        "number of ranks",
        other, c->whole->hosts[other], c->timeout);
    kept_failure failure = failure_keep(SIGMOE_IO);
    exchange_tell(c, &failure);
    c->whole->speaker = other == 0 ? 1 : 0;
    return failure_again(&failure);
}

sigmoe_status exchange_look(exchange *e, int *waits_for) {
    *waits_for = -1;
    for (int i = 0; i < e->count; i++) {
        transfer *t = &e->all[i];
        if (!t->request) continue;
        int done = e->c->link->done(t->request);
        if (done != 0) t->request = NULL;
        if (done < 0) return lost(e->c, t->peer);
        if (done == 0) *waits_for = t->peer;
    }
    return SIGMOE_OK;
}

sigmoe_status exchange_poll(exchange *e) {
    int waits_for;
    TRY(exchange_look(e, &waits_for));
    return exchange_listen(e->c);
}

sigmoe_status exchange_wait(communicator *c, exchange_looker *look, void *context) {
    double start = seconds_now();
    for (int64_t looks = 0;; looks++) {
        int waits_for;
        TRY(look(context, &waits_for));
        if (waits_for < 0) return SIGMOE_OK;
        TRY(exchange_listen(c));
        if (seconds_now() - start > c->timeout) return give_up(c, waits_for);
        pause_for(looks);
    }
}

static sigmoe_status look_again(void *context, int *waits_for) {
    return exchange_look(context, waits_for);
}

sigmoe_status exchange_finish(exchange *e) {
    TRY(exchange_wait(e->c, look_again, e));
    e->count = 0;
    return SIGMOE_OK;
}

sigmoe_status exchange_begin(communicator *c, exchange *e) {
    *e = (exchange){.c = c, .tag = TRANSPORT_DATA, .capacity = 2 * c->members.count};
    if (c->whole->broken)
        return fail(SIGMOE_IO, "a training over several processes has failed before in this one");
    e->all = malloc((size_t)e->capacity * sizeof *e->all);
    return e->all ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for messages");
}

// What still comes would come into memory that is no longer meant for it. What goes may go on; where it has gone, the request ends.
void exchange_abandon(exchange *e) {
    const transport *link = e->c->link;
    for (int i = 0; i < e->count; i++) {
        transfer *t = &e->all[i];
        if (t->request && t->comes)
            link->abandon(t->request);
        else if (t->request)
            (void)link->done(t->request);
    }
    free(e->all);
}

sigmoe_status exchange_end(exchange *e, sigmoe_status status) {
    if (status == SIGMOE_OK) {
        free(e->all);
        return SIGMOE_OK;
    }
    e->c->whole->broken = true;
    exchange_abandon(e);
    return status;
}
