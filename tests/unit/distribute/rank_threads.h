// Ranks as threads of one process, over a transport that copies.
#pragma once

#include "distribute/communicator.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Include after the project's headers: cmocka has a macro named fail.
#include <setjmp.h>

#include <cmocka.h>

enum { MOST_RANKS = 5 };

// ---------------------------------------------------------------- the transport

// A message under way, or a place that waits for one.
typedef struct message {
    struct message *next;
    int from, to, tag;
    void *bytes;
    size_t size;
    bool wanted, matched;
} message;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static message *pending; // the oldest first
static _Thread_local int me;

static inline void append(message *m) {
    message **end = &pending;
    while (*end) end = &(*end)->next;
    *end = m;
}

// Takes the oldest that fits out of the list.
static inline message *take(bool wanted, int from, int to, int tag) {
    for (message **m = &pending; *m; m = &(*m)->next) {
        message *found = *m;
        bool fits = found->wanted == wanted && (from < 0 || found->from == from) && found->to == to &&
                    found->tag == tag;
        if (!fits) continue;
        *m = found->next;
        return found;
    }
    return NULL;
}

static inline message *new_message(int from, int to, int tag, void *bytes, size_t size, bool wanted) {
    message *m = calloc(1, sizeof *m);
    *m = (message){NULL, from, to, tag, bytes, size, wanted, false};
    return m;
}

static inline void *send_bytes(const void *bytes, size_t size, int to, transport_tag tag) {
    pthread_mutex_lock(&lock);
    message *place = tag == TRANSPORT_NOTICE ? NULL : take(true, me, to, tag);
    if (place) {
        assert(place->size == size);
        memcpy(place->bytes, bytes, size);
        place->matched = true;
    } else {
        void *copy = malloc(size);
        memcpy(copy, bytes, size);
        append(new_message(me, to, tag, copy, size, false));
    }
    pthread_mutex_unlock(&lock);
    message *sent = new_message(me, to, tag, NULL, 0, false);
    sent->matched = true;
    return sent;
}

// Also where a message has come in the meantime.
static inline void abandon(void *request) {
    message *place = request;
    pthread_mutex_lock(&lock);
    for (message **m = &pending; *m; m = &(*m)->next)
        if (*m == place) {
            *m = place->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    free(place);
}

static inline void *receive_bytes(void *bytes, size_t size, int from, transport_tag tag) {
    message *place = new_message(from, me, tag, bytes, size, true);
    pthread_mutex_lock(&lock);
    message *there = take(false, from, me, tag);
    if (there) {
        assert(there->size == size);
        memcpy(bytes, there->bytes, size);
        place->matched = true;
        free(there->bytes);
        free(there);
    } else {
        append(place);
    }
    pthread_mutex_unlock(&lock);
    return place;
}

static inline int is_done(void *request) {
    message *m = request;
    pthread_mutex_lock(&lock);
    int done = m->matched;
    pthread_mutex_unlock(&lock);
    if (done) free(m);
    return done;
}

static inline bool hear(void *bytes, size_t size) {
    pthread_mutex_lock(&lock);
    message *there = take(false, -1, me, TRANSPORT_NOTICE);
    pthread_mutex_unlock(&lock);
    if (!there) return false;
    memcpy(bytes, there->bytes, size < there->size ? size : there->size);
    free(there->bytes);
    free(there);
    return true;
}

// ---------------------------------------------------------------- ranks

typedef sigmoe_status rank_function(communicator *c);
typedef struct rank_thread {
    pthread_t thread;
    int rank, ranks;
    double timeout;
    rank_function *run;
    sigmoe_status status;
    char sentence[MESSAGE_CAPACITY];
} rank_thread;

static inline void *run_rank(void *context) {
    rank_thread *r = context;
    transport link = {r->rank, r->ranks, send_bytes, receive_bytes, is_done, abandon, hear, NULL};
    communicator *c;
    me = r->rank;
    r->status = communicator_create(&link, r->timeout, &c);
    if (r->status != SIGMOE_OK) return NULL;
    r->status = r->run(c);
    snprintf(r->sentence, sizeof r->sentence, "%s", sigmoe_message());
    communicator_destroy(c);
    return NULL;
}

static inline void run_ranks(int ranks, double timeout, rank_function *run, rank_thread all[MOST_RANKS]) {
    for (int i = 0; i < ranks; i++) {
        all[i] = (rank_thread){.rank = i, .ranks = ranks, .timeout = timeout, .run = run};
        assert_int_equal(pthread_create(&all[i].thread, NULL, run_rank, &all[i]), 0);
    }
    for (int i = 0; i < ranks; i++) pthread_join(all[i].thread, NULL);
    while (pending) { // what nobody waited for
        message *m = pending;
        pending = m->next;
        if (!m->wanted) free(m->bytes);
        free(m);
    }
}

static inline void all_work(rank_function *run) {
    for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
        rank_thread all[MOST_RANKS];
        run_ranks(ranks, 60, run, all);
        for (int i = 0; i < ranks; i++) {
            if (all[i].status != SIGMOE_OK) print_error("%s\n", all[i].sentence);
            assert_int_equal(all[i].status, SIGMOE_OK);
        }
    }
}

// Outside the main thread, cmocka's assertions would jump to nowhere.
static inline sigmoe_status check(bool holds, const char *what) {
    return holds ? SIGMOE_OK : (fail)(SIGMOE_IO, "not so: %s", what);
}
#define CHECK(condition) TRY(check(condition, #condition))
