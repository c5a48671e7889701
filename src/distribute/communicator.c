#include "distribute/communicator.h"

#include "distribute/exchange.h"
#include "distribute/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---------------------------------------------------------------- what is exchanged

static sigmoe_status gather(exchange *e, const void *own, size_t size, void *all) {
    for (int peer = 0; peer < e->c->members.count; peer++) {
        char *place = (char *)all + (size_t)peer * size;
        if (peer == e->c->rank) {
            memcpy(place, own, size);
            continue;
        }
        TRY(exchange_receive(e, place, size, peer));
        TRY(exchange_send(e, own, size, peer));
    }
    return exchange_finish(e);
}

sigmoe_status communicator_gather(communicator *c, const void *own, size_t size, void *all) {
    exchange e;
    if (!c) {
        memcpy(all, own, size);
        return SIGMOE_OK;
    }
    TRY(exchange_begin(c, &e));
    return exchange_end(&e, gather(&e, own, size, all));
}

sigmoe_status communicator_share(communicator *c, void *bytes, size_t size) {
    if (!c) return SIGMOE_OK;
    char *all = malloc((size_t)c->members.count * size);
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

// ---------------------------------------------------------------- failures

void communicator_tell(communicator *c, const kept_failure *failure) {
    if (c && !c->whole->broken) exchange_tell(c, failure);
}

bool communicator_speaks(const communicator *c) {
    return !c || c->link->rank == c->whole->speaker;
}

// A launcher ends all with the first that ends, so the others wait (seconds) for the one that tells why; they rarely wait longer.
enum { MOST_SILENCE = 20 };

sigmoe_status communicator_fail(communicator *c, sigmoe_status status) {
    kept_failure failure = failure_keep(status);
    communicator_tell(c, &failure);
    if (c && c->whole->broken && !communicator_speaks(c)) sleep(MOST_SILENCE);
    return failure_again(&failure);
}

sigmoe_status communicator_listen(communicator *c) {
    return c ? exchange_listen(c) : SIGMOE_OK;
}

// ---------------------------------------------------------------- opening

int communicator_rank(const communicator *c) {
    return c ? c->rank : 0;
}
int communicator_ranks(const communicator *c) {
    return c ? c->members.count : 1;
}
rank_group rank_group_all(const communicator *c) {
    return (rank_group){0, 1, communicator_ranks(c)};
}
const char *communicator_host(const communicator *c, int rank) {
    return c->whole->hosts[communicator_transport_rank(c, rank)];
}

sigmoe_status communicator_create(const transport *link, double timeout, communicator **out) {
    char host[HOST_NAME] = "";
    communicator *c = calloc(1, sizeof *c);
    if (c)
        *c = (communicator){
            .link = link, .members = {0, 1, link->ranks}, .rank = link->rank, .timeout = timeout, .whole = c};
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

sigmoe_status communicator_part(communicator *c, int size, double timeout, communicator **out) {
    int rank = communicator_rank(c) % size;
    *out = NULL;
    if (size == 1) return SIGMOE_OK;
    communicator *part = malloc(sizeof *part);
    if (!part) return fail(SIGMOE_NO_MEMORY, "no memory for a group of ranks");
    *part = (communicator){.link = c->link,
        .members = {communicator_transport_rank(c, communicator_rank(c) - rank), c->members.stride, size},
        .rank = rank,
        .timeout = timeout,
        .whole = c->whole};
    *out = part;
    return SIGMOE_OK;
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

// Also where another rank has failed while this one was still about to open its own.
bool communicator_process_speaks(void) {
    return own ? communicator_speaks(own) : !own_link || own_link->rank == 0;
}
