// Where the threads of a pool run: on processors of their own from the start, though free to move unless they are pinned.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

// Pools that are created from here on bind each of their threads, the calling one included, to a processor of its own among
// those that the process may use now; more threads than processors share them in turn. Not while a pool exists.
void threads_pin(void);
// Where they do, the calling thread gets the processor number `first`, from 0, and the others those behind it: processes that
// share the work of one shall not get the same ones.
void threads_pin_from(int first);

// What the process may use: the lesser of its affinity mask and its cgroup's CPU quota, at least 1.
int threads_available(void);

// ---------------------------------------------------------------- for the pool

// For the thread that creates a pool, and for each worker when it begins: binds it where the program pins its threads.
void thread_place_bind(int index);

// Systems may wake, or start, a thread on the processor of who wakes it although others are idle: some pack threads on few
// processors. There it would wait until the caller stops. So a worker starts, and is woken, on any of its processors but the
// caller's; as soon as it runs it may use all again, and the system moves it as it sees fit.
typedef struct thread_place {
    cpu_set_t whole; // the worker's own while `kept_off`
    atomic_bool kept_off;
} thread_place;

// pthread_create, away from the calling thread.
int thread_place_start(thread_place *p, pthread_t *thread, void *function(void *), void *argument);
// Before the caller wakes a thread: keeps it off the caller's processor.
void thread_place_keep_off(thread_place *p, pthread_t thread);
// By the thread itself: it may use all of its processors again.
void thread_place_free(thread_place *p);
