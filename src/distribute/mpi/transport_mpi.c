// The transport over MPI: built as a module of its own, so that the library does not need MPI.
#include "distribute/transport.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static MPI_Comm world; // a copy, so that no other messages of the process get in between
static bool ours;      // MPI was not in use before

static void *begin(int outcome, MPI_Request request) {
    MPI_Request *kept = outcome == MPI_SUCCESS ? malloc(sizeof *kept) : NULL;
    if (kept) *kept = request;
    return kept;
}

static void *send_bytes(const void *bytes, size_t size, int to, transport_tag tag) {
    MPI_Request request;
    int outcome = MPI_Isend(bytes, (int)size, MPI_BYTE, to, (int)tag, world, &request);
    return begin(outcome, request);
}

static void *receive_bytes(void *bytes, size_t size, int from, transport_tag tag) {
    MPI_Request request;
    int outcome = MPI_Irecv(bytes, (int)size, MPI_BYTE, from, (int)tag, world, &request);
    return begin(outcome, request);
}

static int is_done(void *request) {
    int done;
    bool works = MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS;
    if (!works || done) free(request);
    return works ? done : -1;
}

static void abandon(void *request) {
    if (*(MPI_Request *)request != MPI_REQUEST_NULL) { // it has not failed before
        MPI_Cancel(request);
        MPI_Wait(request, MPI_STATUS_IGNORE);
    }
    free(request);
}

static bool hear(void *bytes, size_t size) {
    int there = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, TRANSPORT_NOTICE, world, &there, &status) != MPI_SUCCESS || !there)
        return false;
    return MPI_Recv(bytes, (int)size, MPI_BYTE, status.MPI_SOURCE, TRANSPORT_NOTICE, world,
               MPI_STATUS_IGNORE) == MPI_SUCCESS;
}

static void finish(void) {
    MPI_Comm_free(&world);
    if (ours) MPI_Finalize();
}

transport_open sigmoe_transport_open __attribute__((visibility("default")));
const transport *sigmoe_transport_open(char *problem, size_t size) {
    static transport link = {.send = send_bytes,
        .receive = receive_bytes,
        .done = is_done,
        .abandon = abandon,
        .heard = hear,
        .close = finish};
    int before = 0, provided;
    bool begun = MPI_Initialized(&before) == MPI_SUCCESS &&
                 (before || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) == MPI_SUCCESS);
    ours = begun && !before;
    if (!begun || MPI_Comm_dup(MPI_COMM_WORLD, &world) != MPI_SUCCESS) {
        snprintf(problem, size, "MPI could not be started");
        return NULL;
    }
    MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
    MPI_Comm_rank(world, &link.rank);
    MPI_Comm_size(world, &link.ranks);
    return &link;
}
