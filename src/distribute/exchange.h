// Messages under way between this process and others: what the functions of a communicator are made of.
//
//   exchange_begin -> (exchange_send | exchange_receive)... -> exchange_finish -> ... -> exchange_end
#pragma once

#include "base/status.h"
#include "distribute/rank_group.h"
#include "distribute/transport.h"

#include <stdint.h>

enum { HOST_NAME = 64 };

typedef struct communicator communicator;
struct communicator {
    const transport *link;
    rank_group members; // of the transport's ranks
    int rank;           // which of them this process is
    double timeout;
    communicator *whole;      // itself, or what it is a part of: that one has the rest
    char (*hosts)[HOST_NAME]; // [the transport's ranks]
    bool broken;              // others may be gone or waiting: no message is expected any more
    int speaker;
};
// The transport's rank of a member, and its host.
static inline int communicator_transport_rank(const communicator *c, int member) {
    return rank_group_at(&c->members, member);
}

typedef struct transfer {
    void *request; // NULL: done
    int peer;      // of the communicator's ranks
    bool comes;    // from the peer to this process
} transfer;

// What is sent and received at a time.
typedef struct exchange {
    communicator *c;
    transport_tag tag; // TRANSPORT_DATA unless it is set to another
    transfer *all;     // [capacity]
    int count, capacity;
} exchange;

sigmoe_status exchange_begin(communicator *c, exchange *e);
// Begin a transfer; the bytes are in use until exchange_finish. Nothing happens when size is 0.
sigmoe_status exchange_send(exchange *e, const void *bytes, size_t size, int peer);
sigmoe_status exchange_receive(exchange *e, void *bytes, size_t size, int peer);
// Looks after all transfers; *waits_for is a rank of those that are not done, or -1.
sigmoe_status exchange_look(exchange *e, int *waits_for);
// Lets transfers go on, and hears of failures.
sigmoe_status exchange_poll(exchange *e);
// Waits for all transfers; more may follow.
sigmoe_status exchange_finish(exchange *e);
// Waits until `look` waits for no rank any more.
typedef sigmoe_status exchange_looker(void *context, int *waits_for);
sigmoe_status exchange_wait(communicator *c, exchange_looker *look, void *context);
// Instead of the end, where the exchange has not failed, but something else: nothing comes any more.
void exchange_abandon(exchange *e);
// Frees what exchange_begin took. `status` is that of the exchange, and returned: a failure breaks the communicator.
sigmoe_status exchange_end(exchange *e, sigmoe_status status);
// communicator_listen and communicator_tell, where there is a communicator that can be used.
sigmoe_status exchange_listen(communicator *c);
void exchange_tell(communicator *c, const kept_failure *failure);
