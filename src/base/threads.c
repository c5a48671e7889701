#include "base/threads.h"
#include "base/arena.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// Workers spin this many times before they sleep: kernels follow each other within microseconds, and waking a sleeper
// costs more than that.
enum { SPINS_BEFORE_SLEEP = 4000, MOST_THREADS = 1024 };

struct threads {
    int count;
    pthread_t *workers; // count - 1
    struct worker *worker_states;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int sleeping;
    bool stop;

    task_function *function;
    void *context;
    int64_t tasks;
    _Atomic uint64_t round; // grows by one with each parallel_for
    _Atomic int64_t next;   // next task to take
    _Atomic int working;    // workers that have not finished this round
};

typedef struct worker {
    threads *pool;
    int index;
} worker;

static bool pinned;
static cpu_set_t allowed; // when pinning began: the mask of a bound thread says less

static void current_processors(cpu_set_t *set) {
    if (sched_getaffinity(0, sizeof *set, set) == 0 && CPU_COUNT(set) > 0) return;
    CPU_ZERO(set);
    CPU_SET(0, set);
}

void threads_pin(void) {
    if (!pinned) current_processors(&allowed);
    pinned = true;
}

// A refusal changes nothing but the speed.
static void bind_self(int index) {
    if (!pinned) return;
    int wanted = index % CPU_COUNT(&allowed);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && wanted-- == 0) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static inline void pause_briefly(void) {
    __builtin_ia32_pause();
}

static void take_tasks(threads *t, int index) {
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        if (task >= t->tasks) return;
        t->function(t->context, task, index);
    }
}

// Waits for a round after `seen`; false when the pool stops.
static bool wait_for_round(threads *t, uint64_t seen) {
    for (int i = 0; i < SPINS_BEFORE_SLEEP; i++) {
        if (atomic_load_explicit(&t->round, memory_order_acquire) != seen) return !t->stop;
        pause_briefly();
    }
    pthread_mutex_lock(&t->lock);
    t->sleeping++;
    while (atomic_load_explicit(&t->round, memory_order_acquire) == seen)
        pthread_cond_wait(&t->wake, &t->lock);
    t->sleeping--;
    pthread_mutex_unlock(&t->lock);
    return !t->stop;
}

static void *worker_main(void *argument) {
    worker *w = argument;
    bind_self(w->index);
    uint64_t seen = 0;
    while (wait_for_round(w->pool, seen)) {
        seen++;
        take_tasks(w->pool, w->index);
        atomic_fetch_sub_explicit(&w->pool->working, 1, memory_order_release);
    }
    return NULL;
}

static void begin_round(threads *t) {
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add_explicit(&t->round, 1, memory_order_release);
    if (t->sleeping) pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

void parallel_for(threads *t, int64_t tasks, task_function *function, void *context) {
    if (t->count == 1 || tasks <= 1) {
        for (int64_t i = 0; i < tasks; i++) function(context, i, 0);
        return;
    }
    t->function = function;
    t->context = context;
    t->tasks = tasks;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    atomic_store_explicit(&t->working, t->count - 1, memory_order_relaxed);
    begin_round(t);
    take_tasks(t, 0);
    for (int spins = 0; atomic_load_explicit(&t->working, memory_order_acquire) != 0; spins++) {
        if (spins < SPINS_BEFORE_SLEEP)
            pause_briefly();
        else
            sched_yield(); // more threads than cores: let the others run
    }
}

static int cgroup_limit(void) {
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (!file) return MOST_THREADS;
    long long quota, period;
    int fields = fscanf(file, "%lld %lld", &quota, &period); // "max 100000" has no quota
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0) return MOST_THREADS;
    long long cpus = (quota + period - 1) / period;
    return cpus < MOST_THREADS ? (int)cpus : MOST_THREADS;
}

int threads_available(void) {
    cpu_set_t set = allowed;
    if (!pinned) current_processors(&set);
    int cpus = CPU_COUNT(&set), limit = cgroup_limit();
    if (cpus > limit) cpus = limit;
    return cpus < 1 ? 1 : cpus;
}

sigmoe_status threads_create(int count, threads **out) {
    if (count == 0) count = threads_available();
    if (count < 0 || count > MOST_THREADS)
        return fail(SIGMOE_BAD_ARGUMENT, "%d threads: ask for 1 to %d (0 lets the machine decide)", count,
            MOST_THREADS);
    threads *t = calloc(1, sizeof *t);
    worker *states = calloc((size_t)count, sizeof *states);
    pthread_t *workers = calloc((size_t)count, sizeof *workers);
    if (!t || !states || !workers) {
        free(t), free(states), free(workers);
        return fail(SIGMOE_NO_MEMORY, "no memory for %d threads", count);
    }
    t->worker_states = states;
    t->workers = workers;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    t->count = 1;
    bind_self(0);
    for (int i = 1; i < count; i++) {
        states[i] = (worker){t, i};
        if (pthread_create(&workers[i], NULL, worker_main, &states[i]) != 0) {
            threads_destroy(t);
            return fail(SIGMOE_NO_MEMORY, "the system refuses thread %d of %d; ask for fewer", i + 1, count);
        }
        t->count = i + 1;
    }
    *out = t;
    return SIGMOE_OK;
}

void threads_destroy(threads *t) {
    if (!t) return;
    t->stop = true;
    begin_round(t);
    for (int i = 1; i < t->count; i++) pthread_join(t->workers[i], NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->workers);
    free(t->worker_states);
    free(t);
}

int threads_count(const threads *t) {
    return t->count;
}
