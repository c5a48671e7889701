// A small thread pool. Work is a number of tasks, each writing its own outputs. Which thread runs a task must not affect the
// result, so the bits are the same for any number of threads. (Why not OpenMP: docs/decisions.)
#pragma once

#include "base/timeline.h"

#include <stdint.h>

typedef struct threads threads;

typedef void task_function(void *context, int64_t task, int thread);

// `count` includes the calling thread; 0: as many as affinity and cgroup limits allow. The other threads block signals sent to
// the process. After a fork() between two rounds, the child can use the pool, too, and gets workers of its own.
sigmoe_status threads_create(int count, threads **out);
void threads_destroy(threads *t); // NULL is allowed
int threads_count(const threads *t);

// Threads of a program around this one; members as in sigmoe_host_threads.
typedef struct threads_host {
    void *context;
    void (*parallel_for)(void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument);
} threads_host;
// A pool without workers: until threads_lend, the calling thread alone runs all tasks.
sigmoe_status threads_create_hosted(threads **out);
// Between two rounds of such a pool: `count` threads of the host run the next ones, or with NULL the calling thread alone.
void threads_lend(threads *t, const threads_host *host, int count);

// How many forks lie between the first process that called this (or created a pool) and this process.
unsigned threads_forks(void);

// Runs tasks 0 ... tasks-1, each once, and returns when all are done. `thread` is in [0, threads_count). Tasks must not call
// parallel_for on the same pool.
void parallel_for(threads *t, int64_t tasks, task_function *function, void *context);

// Between two rounds: what happens from here on is noted in `watch`, made for at least as many threads, and borrowed until
// another, or NULL, takes its place.
void threads_watch(threads *t, timeline *watch);

// From here to the end of the enclosing block, the calling thread is at `name`, a literal, as far as the pool's timeline is concerned.
// A part that lies within another's block counts for itself alone.
#define THREADS_PART(pool, name)                                                                             \
    threads_part part_of_this_block_ __attribute__((cleanup(threads_part_end), unused)) =                    \
        threads_part_begin(pool, name)
typedef struct threads_part {
    timeline *timeline; // NULL: nobody watches
    const char *before;
} threads_part;
threads_part threads_part_begin(threads *t, const char *name);
void threads_part_end(threads_part *part);
