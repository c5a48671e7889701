#include "distribute/communicator.h"

#include "base/clock.h"
#include "distribute/launch.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOST = 64, YIELDS = 2000, PIECE = 1 << 20 }; // PIECE: values that are summed at a time

struct communicator {
    const transport *link;
    double timeout;
    char (*hosts)[HOST]; // [ranks]
    bool broken;         // others may be gone or waiting: no message is expected any more
    int speaker;
};

// ---------------------------------------------------------------- waiting

typedef struct transfer {
    void *request; // NULL: done
    int peer;
    bool comes; // from the peer to this process
} transfer;

// What the ranks do at a time; at most two transfers with each.
typedef struct exchange {
    communicator *c;
    transfer *all;
    int count;
} exchange;

static sigmoe_status lost(communicator *c, int peer) {
    c->broken = true;
    return fail(SIGMOE_IO, "rank %d on %s cannot be reached from rank %d on %s", peer,
        communicator_host(c, peer), c->link->rank, communicator_host(c, c->link->rank));
}

static sigmoe_status add(exchange *e, void *request, int peer, bool comes) {
    if (!request) return lost(e->c, peer);
    e->all[e->count++] = (transfer){request, peer, comes};
    return SIGMOE_OK;
}

static sigmoe_status send_to(exchange *e, const void *bytes, size_t size, int peer) {
    return size ? add(e, e->c->link->send(bytes, size, peer, TRANSPORT_DATA), peer, false) : SIGMOE_OK;
}

static sigmoe_status receive_from(exchange *e, void *bytes, size_t size, int peer) {
    return size ? add(e, e->c->link->receive(bytes, size, peer), peer, true) : SIGMOE_OK;
}

static sigmoe_status listen(communicator *c) {
    kept_failure notice;
    if (!c->link->heard(&notice, sizeof notice)) return SIGMOE_OK;
    c->broken = true;
    return failure_again(&notice);
}

// When rank 0 is the one that does not answer, rank 1 says so.
static sigmoe_status give_up(communicator *c, int peer) {
    fail(SIGMOE_IO,
        "rank %d on %s has not answered for %g s; `resume` goes on from the newest checkpoint, with any "
        "number of ranks",
        peer, communicator_host(c, peer), c->timeout);
    kept_failure failure = failure_keep(SIGMOE_IO);
    communicator_tell(c, &failure);
    c->speaker = peer == 0 ? 1 : 0;
    return failure_again(&failure);
}

// Looks after all transfers; *waits_for is a rank of those that are not done, or -1.
static sigmoe_status look(exchange *e, int *waits_for) {
    *waits_for = -1;
    for (int i = 0; i < e->count; i++) {
        transfer *t = &e->all[i];
        if (!t->request) continue;
        int done = e->c->link->done(t->request);
        if (done < 0) return lost(e->c, t->peer);
        if (done)
            t->request = NULL;
        else
            *waits_for = t->peer;
    }
    return SIGMOE_OK;
}

// Gives the processor away while nothing comes: ranks may share one.
static void pause_for(int64_t looks) {
    if (looks < YIELDS)
        sched_yield();
    else
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

static sigmoe_status finish(exchange *e) {
    double start = seconds_now();
    for (int64_t looks = 0;; looks++) {
        int waits_for;
        TRY(look(e, &waits_for));
        if (waits_for < 0) break;
        TRY(listen(e->c));
        if (seconds_now() - start > e->c->timeout) return give_up(e->c, waits_for);
        pause_for(looks);
    }
    e->count = 0;
    return SIGMOE_OK;
}

static sigmoe_status begin(communicator *c, exchange *e) {
    *e = (exchange){.c = c};
    if (c->broken) return fail(SIGMOE_IO, "a training over several processes has failed before in this one");
    e->all = malloc(2 * (size_t)c->link->ranks * sizeof *e->all);
    return e->all ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for messages");
}

static sigmoe_status end(exchange *e, sigmoe_status status) {
    if (status != SIGMOE_OK) e->c->broken = true;
    // What still comes would come into memory that is no longer meant for it.
    for (int i = 0; i < e->count && status != SIGMOE_OK; i++)
        if (e->all[i].request && e->all[i].comes) e->c->link->abandon(e->all[i].request);
    free(e->all);
    return status;
}

// ---------------------------------------------------------------- what is exchanged

static sigmoe_status gather(exchange *e, const void *own, size_t size, void *all) {
    const transport *link = e->c->link;
    for (int peer = 0; peer < link->ranks; peer++) {
        char *place = (char *)all + (size_t)peer * size;
        if (peer == link->rank) {
            memcpy(place, own, size);
            continue;
        }
        TRY(receive_from(e, place, size, peer));
        TRY(send_to(e, own, size, peer));
    }
    return finish(e);
}

sigmoe_status communicator_gather(communicator *c, const void *own, size_t size, void *all) {
    exchange e;
    if (!c) {
        memcpy(all, own, size);
        return SIGMOE_OK;
    }
    TRY(begin(c, &e));
    return end(&e, gather(&e, own, size, all));
}

sigmoe_status communicator_share(communicator *c, void *bytes, size_t size) {
    if (!c) return SIGMOE_OK;
    char *all = malloc((size_t)c->link->ranks * size);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for what rank 0 shares");
    sigmoe_status status = communicator_gather(c, bytes, size, all);
    if (status == SIGMOE_OK) memcpy(bytes, all, size);
    free(all);
    return status;
}

sigmoe_status communicator_meet(communicator *c) {
    char here = 1;
    return communicator_share(c, &here, sizeof here);
}

static sigmoe_status collect_at(exchange *e, const char *own, size_t size, size_t from, char *all) {
    const transport *link = e->c->link;
    size_t left = size - from, part = left < TRANSPORT_MOST ? left : TRANSPORT_MOST;
    if (link->rank != 0) {
        TRY(send_to(e, own + from, part, 0));
        return finish(e);
    }
    for (int peer = 1; peer < link->ranks; peer++)
        TRY(receive_from(e, all + (size_t)peer * size + from, part, peer));
    return finish(e);
}

static sigmoe_status collect(exchange *e, const void *own, size_t size, void *all) {
    if (e->c->link->rank == 0) memcpy(all, own, size);
    for (size_t from = 0; from < size; from += TRANSPORT_MOST) TRY(collect_at(e, own, size, from, all));
    return SIGMOE_OK;
}

sigmoe_status communicator_collect(communicator *c, const void *own, size_t size, void *all) {
    exchange e;
    if (!c) {
        memcpy(all, own, size);
        return SIGMOE_OK;
    }
    TRY(begin(c, &e));
    return end(&e, collect(&e, own, size, all));
}

// Each rank sums its share of the values: it gets that of all others, and gives them the sum.
typedef struct shares {
    real *values;
    int64_t count;
    int ranks;
    real *received; // [ranks, the largest share]
    real *sum;      // [the largest share]
} shares;

static int64_t share_at(const shares *s, int rank) {
    return s->count * rank / s->ranks;
}
static int64_t share_size(const shares *s, int rank) {
    return share_at(s, rank + 1) - share_at(s, rank);
}
static size_t share_bytes(const shares *s, int rank) {
    return (size_t)share_size(s, rank) * sizeof(real);
}

static void add_up(const shares *s, int own) {
    int64_t size = share_size(s, own);
    real *values = s->values + share_at(s, own);
    for (int rank = 0; rank < s->ranks; rank++) {
        const real *part = rank == own ? values : s->received + rank * size;
        if (rank == 0) memcpy(s->sum, part, (size_t)size * sizeof(real));
        for (int64_t i = 0; rank > 0 && i < size; i++) s->sum[i] += part[i];
    }
    memcpy(values, s->sum, (size_t)size * sizeof(real));
}

static sigmoe_status sum_piece(exchange *e, const shares *s) {
    int own = e->c->link->rank;
    int64_t size = share_size(s, own);
    for (int peer = 0; peer < s->ranks; peer++) {
        if (peer == own) continue;
        TRY(receive_from(e, s->received + peer * size, share_bytes(s, own), peer));
        TRY(send_to(e, s->values + share_at(s, peer), share_bytes(s, peer), peer));
    }
    TRY(finish(e));
    add_up(s, own);
    for (int peer = 0; peer < s->ranks; peer++) {
        if (peer == own) continue;
        TRY(receive_from(e, s->values + share_at(s, peer), share_bytes(s, peer), peer));
        TRY(send_to(e, s->values + share_at(s, own), share_bytes(s, own), peer));
    }
    return finish(e);
}

static sigmoe_status sum(exchange *e, real *values, int64_t count, arena *scratch) {
    int ranks = e->c->link->ranks;
    int64_t piece = count < PIECE ? count : PIECE, share = piece / ranks + 1;
    shares s = {.ranks = ranks};
    TRY(ARENA_NEW_RAW(scratch, s.received, share * ranks));
    TRY(ARENA_NEW_RAW(scratch, s.sum, share));
    for (int64_t first = 0; first < count; first += piece) {
        s.values = values + first;
        s.count = count - first < piece ? count - first : piece;
        TRY(sum_piece(e, &s));
    }
    return SIGMOE_OK;
}

sigmoe_status communicator_sum(communicator *c, real *values, int64_t count, arena *scratch) {
    exchange e;
    if (!c || count == 0) return SIGMOE_OK;
    TRY(begin(c, &e));
    arena_mark mark = arena_here(scratch);
    sigmoe_status status = sum(&e, values, count, scratch);
    arena_release(scratch, mark);
    return end(&e, status);
}

// ---------------------------------------------------------------- failures

void communicator_tell(communicator *c, const kept_failure *failure) {
    if (!c || c->broken) return;
    static kept_failure notice; // stays behind when this process does not wait for everybody to read it
    c->broken = true;
    notice = *failure;
    snprintf(notice.sentence, sizeof notice.sentence, "rank %d on %s: %.*s", c->link->rank,
        communicator_host(c, c->link->rank), MESSAGE_CAPACITY - HOST - 32, failure->sentence);
    for (int peer = 0; peer < c->link->ranks; peer++) {
        if (peer == c->link->rank) continue;
        void *request = c->link->send(&notice, sizeof notice, peer, TRANSPORT_NOTICE);
        for (int looks = 0; request && looks < 2 * YIELDS && c->link->done(request) == 0; looks++)
            pause_for(looks);
    }
}

bool communicator_speaks(const communicator *c) {
    return !c || c->link->rank == c->speaker;
}

void communicator_part(const communicator *c) {
    if (c && c->broken && !communicator_speaks(c)) sleep(3);
}

// ---------------------------------------------------------------- opening

int communicator_rank(const communicator *c) {
    return c ? c->link->rank : 0;
}
int communicator_ranks(const communicator *c) {
    return c ? c->link->ranks : 1;
}
const char *communicator_host(const communicator *c, int rank) {
    return c->hosts[rank];
}

sigmoe_status communicator_create(const transport *link, double timeout, communicator **out) {
    char host[HOST] = "";
    communicator *c = calloc(1, sizeof *c);
    if (c) *c = (communicator){.link = link, .timeout = timeout};
    if (c) c->hosts = calloc((size_t)link->ranks, sizeof *c->hosts);
    if (!c || !c->hosts) {
        free(c);
        return fail(SIGMOE_NO_MEMORY, "no memory for %d ranks", link->ranks);
    }
    gethostname(host, sizeof host - 1);
    sigmoe_status status = communicator_gather(c, host, sizeof host, c->hosts);
    if (status == SIGMOE_OK)
        *out = c;
    else
        communicator_destroy(c);
    return status;
}

void communicator_destroy(communicator *c) {
    if (c) free(c->hosts);
    free(c);
}

// Of this process, until it ends: MPI can be started once.
static communicator *own;
static const transport *own_link;

static void close_own(void) {
    if (!own || !own->broken) own_link->close();
}

sigmoe_status communicator_open(double timeout, communicator **out) {
    const char *variable = launch_variable();
    *out = NULL;
    if (!variable) return SIGMOE_OK;
    if (!own_link) {
        TRY(launch_transport(variable, &own_link));
        atexit(close_own);
    }
    if (own_link->ranks == 1) return SIGMOE_OK;
    if (!own) TRY(communicator_create(own_link, timeout, &own));
    own->timeout = timeout;
    *out = own;
    return SIGMOE_OK;
}

const communicator *communicator_of_process(void) {
    return own;
}
