// What carries messages between the processes of a training: the interface of the module that is built with MPI, and loaded only
// where a launcher has started the program. Calls come from one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Of messages: data; the parts and results of sums that are under way beside them; and notices of a failure, which alone nobody
// expects.
typedef enum transport_tag {
    TRANSPORT_DATA = 1,
    TRANSPORT_PART,
    TRANSPORT_SUM,
    TRANSPORT_NOTICE
} transport_tag;
enum { TRANSPORT_MOST = 1 << 26 }; // bytes of one message

typedef struct transport {
    int rank, ranks;
    // Begins a transfer between this process and a rank; the bytes stay the transfer's until it is done. NULL: it cannot begin.
    // Messages of one tag from one process to another arrive in their order.
    void *(*send)(const void *bytes, size_t size, int to, transport_tag tag);
    void *(*receive)(void *bytes, size_t size, int from, transport_tag tag);
    // 1: it is done, and the request gone; 0: not yet; -1: it has failed, and is gone, too.
    int (*done)(void *request);
    // Ends a transfer to this process that is not done: its bytes are the caller's again.
    void (*abandon)(void *request);
    // Whether there is a notice, which fills at most `size` bytes.
    bool (*heard)(void *bytes, size_t size);
    // When all processes are done with each other.
    void (*close)(void);
} transport;

// The module's one symbol, of this name and type: the transport, or NULL and why, in `problem` [size].
#define TRANSPORT_SYMBOL "sigmoe_transport_open"
typedef const transport *transport_open(char *problem, size_t size);
