// Where a pool's threads run: at first on separate processors, but free to move unless they are pinned.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

// Makes pools created from here on bind each of their threads, including the calling one, to a different processor among those
// that the process may use now; if there are more threads than processors, they share them in turn. Not while a pool exists.
void threads_pin(void);
// With pinning, gives the calling thread processor number `first`, from 0, and the others the following ones, so that several
// processes that share the work do not get the same processors.
void threads_pin_from(int first);

// The number of processors the process may use: the lesser of its affinity mask and its cgroup's CPU quota, at least 1.
int threads_available(void);

// ---------------------------------------------------------------- for the pool

// Called by the thread that creates a pool, and by each worker when it starts: binds the thread if threads are pinned.
void thread_place_bind(int index);

// Systems may wake or start a thread on the processor of the thread that wakes it although others are idle: some pack threads
// on few processors. There it would wait until the caller stops. So a worker is started and woken on any of its processors but
// the caller's. As soon as it runs, it may use all of them again, and the system moves it as it sees fit.
typedef struct thread_place {
    cpu_set_t whole; // the worker's own mask while `kept_off`
    atomic_bool kept_off;
} thread_place;

// Like pthread_create, but not on the calling thread's processor.
int thread_place_start(thread_place *p, pthread_t *thread, void *function(void *), void *argument);
// Called before waking a thread: keeps it off the caller's processor.
void thread_place_keep_off(thread_place *p, pthread_t thread);
// Called by the thread itself: allows it all of its processors again.
void thread_place_free(thread_place *p);
