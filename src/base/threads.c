#include "base/threads.h"

#include "base/clock.h"
#include "base/threads_place.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_THREADS = 1024, LINE = 64, NOWHERE = -1 };

// Kernels follow each other within microseconds, and waking a sleeping thread takes longer than that, so a thread that waits
// first spins: for at most this long, measured by the clock, since a pause instruction takes 5 times as long on some
// processors.
static const int64_t spin_nanoseconds = 50000;
enum { PAUSES_A_LOOK = 16 };

// `inside` counts the workers in the round; OPEN means that more may enter. A worker that arrives after all tasks are taken
// finds the round closed, and nobody waits for it: on a busy machine a thread may not get a processor for milliseconds.
enum { OPEN = 1 << 30 };

typedef struct worker {
    alignas(LINE) threads *pool;
    pthread_t thread;
    thread_place place;
    int index;
    _Atomic int processor; // while it is in a round, else NOWHERE
    atomic_bool asleep;
} worker;

// Fields that change together share a cache line with no others.
struct threads {
    int count;
    unsigned fork;   // value of `forks` when its workers started; in another process it has none
    worker *workers; // [count], the first is the caller; NULL: a host runs the rounds
    threads_host host;
    timeline *timeline; // or NULL
    task_function *function;
    void *context;
    int64_t tasks;

    alignas(LINE) _Atomic int64_t next;   // next task to take
    alignas(LINE) _Atomic uint32_t round; // grows with each parallel_for; workers sleep on it
    atomic_bool stop;
    _Atomic int processor;                 // of the caller at the start of the round
    alignas(LINE) _Atomic uint32_t inside; // the caller sleeps on it
    _Atomic int sleepers;
    atomic_bool caller_sleeps;
};

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word, int most) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

// Leaves the core to its other thread for a moment.
static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Waits a moment for `*word` to change from `value`.
static bool stays(_Atomic uint32_t *word, uint32_t value) {
    for (int i = 0; i < PAUSES_A_LOOK; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value) return false;
        pause_briefly();
    }
    return true;
}

static void take_each_task(threads *t, int index) {
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        if (task >= t->tasks) return;
        t->function(t->context, task, index);
    }
}

static void take_tasks(threads *t, int index) {
    int64_t begin = t->timeline ? nanoseconds_now() : 0;
    take_each_task(t, index);
    if (t->timeline) timeline_worked(t->timeline, index, begin);
}

// ---------------------------------------------------------------- a host's threads

static void take_tasks_as(void *pool, int64_t index) {
    take_tasks(pool, (int)index);
}

// A host that cannot call the body at all leaves its tasks to the caller.
static void run_round_hosted(threads *t) {
    t->host.parallel_for(t->host.context, t->tasks < t->count ? t->tasks : t->count, take_tasks_as, t);
    take_tasks(t, 0);
}

// ---------------------------------------------------------------- a worker

// The caller cannot run where the worker spins: if it was last seen here, it is waiting for this processor.
static bool caller_is_here(threads *t) {
    return atomic_load_explicit(&t->processor, memory_order_relaxed) == sched_getcpu();
}

static void sleep_until_round(worker *w, uint32_t seen) {
    atomic_store(&w->asleep, true);
    atomic_fetch_add(&w->pool->sleepers, 1);
    sleep_while(&w->pool->round, seen);
    atomic_fetch_sub(&w->pool->sleepers, 1);
    atomic_store(&w->asleep, false);
}

// Waits until the round is no longer `seen`.
static uint32_t wait_for_round(worker *w, uint32_t seen) {
    threads *t = w->pool;
    int64_t end = nanoseconds_now() + spin_nanoseconds;
    while (stays(&t->round, seen))
        if (caller_is_here(t) || nanoseconds_now() >= end) sleep_until_round(w, seen);
    return atomic_load_explicit(&t->round, memory_order_acquire);
}

static bool enter(threads *t) {
    uint32_t inside = atomic_load_explicit(&t->inside, memory_order_relaxed);
    do {
        if (!(inside & OPEN)) return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &t->inside, &inside, inside + 1, memory_order_acquire, memory_order_relaxed));
    return true;
}

static void leave(threads *t) {
    if (atomic_fetch_sub(&t->inside, 1) == 1 && atomic_load(&t->caller_sleeps)) wake(&t->inside, 1);
}

static void *worker_main(void *argument) {
    worker *w = argument;
    threads *t = w->pool;
    thread_place_free(&w->place);
    thread_place_bind(w->index);
    for (uint32_t seen = 0;;) {
        seen = wait_for_round(w, seen);
        thread_place_free(&w->place);
        if (atomic_load_explicit(&t->stop, memory_order_relaxed)) return NULL;
        if (!enter(t)) continue;
        atomic_store_explicit(&w->processor, sched_getcpu(), memory_order_relaxed);
        take_tasks(t, w->index);
        atomic_store_explicit(&w->processor, NOWHERE, memory_order_relaxed);
        leave(t);
    }
}

// ---------------------------------------------------------------- the caller

static void wake_sleepers(threads *t) {
    for (int i = 1; i < t->count; i++)
        if (atomic_load(&t->workers[i].asleep))
            thread_place_keep_off(&t->workers[i].place, t->workers[i].thread);
    wake(&t->round, t->tasks - 1 < t->count ? (int)t->tasks - 1 : t->count);
}

static void begin_round(threads *t) {
    atomic_store_explicit(&t->processor, sched_getcpu(), memory_order_relaxed);
    atomic_fetch_add(&t->round, 1);
    if (atomic_load(&t->sleepers)) wake_sleepers(t);
}

// A worker that was last seen on this processor cannot run while the caller spins.
static bool worker_is_here(threads *t) {
    int here = sched_getcpu();
    for (int i = 1; i < t->count; i++)
        if (atomic_load_explicit(&t->workers[i].processor, memory_order_relaxed) == here) return true;
    return false;
}

static void sleep_until_left(threads *t, uint32_t inside) {
    atomic_store(&t->caller_sleeps, true);
    if (atomic_load(&t->inside) == inside) sleep_while(&t->inside, inside);
    atomic_store(&t->caller_sleeps, false);
}

// Closes the round and waits for the workers inside, which are on their last tasks.
static void end_round(threads *t) {
    uint32_t inside = atomic_fetch_and(&t->inside, ~(uint32_t)OPEN) & ~(uint32_t)OPEN;
    if (inside == 0) return;
    int64_t end = nanoseconds_now() + spin_nanoseconds;
    for (; inside != 0; inside = atomic_load_explicit(&t->inside, memory_order_acquire))
        if (stays(&t->inside, inside) && (worker_is_here(t) || nanoseconds_now() >= end))
            sleep_until_left(t, inside);
}

static void run_round(threads *t) {
    atomic_store_explicit(&t->inside, OPEN, memory_order_release);
    begin_round(t);
    take_tasks(t, 0);
    end_round(t);
}

// ---------------------------------------------------------------- starting the workers

// Signals sent to the process are for the program's own threads: a handler may need an alternate stack, which workers do not
// have. Signals raised by a worker's own instructions must still reach it.
static void block_signals(sigset_t *before) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, before);
}

static bool start_worker(threads *t, int index) {
    worker *w = &t->workers[index];
    sigset_t before;
    *w = (worker){.pool = t, .index = index, .processor = NOWHERE};
    block_signals(&before);
    bool started = thread_place_start(&w->place, &w->thread, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

// Starts workers until there are `count` threads or the system refuses one.
static void start_workers(threads *t, int count) {
    thread_place_bind(0);
    for (t->count = 1; t->count < count && start_worker(t, t->count);) t->count++;
}

// The number of forks between the first process and this one.
static unsigned forks;
static int unwatched; // the error that prevents counting forks
static void count_fork(void) {
    forks++;
}
static void watch_forks(void) {
    unwatched = pthread_atfork(NULL, NULL, count_fork);
}

unsigned threads_forks(void) {
    static pthread_once_t watching = PTHREAD_ONCE_INIT;
    pthread_once(&watching, watch_forks);
    return forks;
}

// The workers stayed in the parent. If the system allows fewer threads now, the pool continues with those: a round cannot fail.
static void start_again(threads *t) {
    int count = t->count;
    atomic_store(&t->round, 0);
    atomic_store(&t->sleepers, 0);
    atomic_store(&t->caller_sleeps, false);
    t->fork = forks;
    start_workers(t, count);
}

// ---------------------------------------------------------------- a round

void parallel_for(threads *t, int64_t tasks, task_function *function, void *context) {
    if (t->workers && t->fork != forks) start_again(t);
    if (t->count == 1 || tasks <= 1) {
        int64_t begin = t->timeline ? nanoseconds_now() : 0;
        for (int64_t i = 0; i < tasks; i++) function(context, i, 0);
        if (t->timeline) timeline_worked(t->timeline, 0, begin);
        return;
    }
    t->function = function;
    t->context = context;
    t->tasks = tasks;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    if (t->workers)
        run_round(t);
    else
        run_round_hosted(t);
}

// ---------------------------------------------------------------- what is watched

void threads_watch(threads *t, timeline *watch) {
    t->timeline = watch;
}

threads_part threads_part_begin(threads *t, const char *name) {
    return (threads_part){t->timeline, t->timeline ? timeline_turn_to(t->timeline, name) : NULL};
}

void threads_part_end(threads_part *part) {
    if (part->timeline) timeline_turn_to(part->timeline, part->before);
}

// ---------------------------------------------------------------- the pool

static threads *pool_new(void) {
    threads *t = aligned_alloc(LINE, sizeof *t);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->count = 1;
    t->fork = threads_forks();
    t->processor = NOWHERE;
    return t;
}

static threads *pool_with_workers(int count) {
    threads *t = pool_new();
    worker *workers = aligned_alloc(LINE, (size_t)count * sizeof *workers);
    if (!t || !workers || unwatched) {
        free(t), free(workers);
        return NULL;
    }
    memset(workers, 0, (size_t)count * sizeof *workers);
    t->workers = workers;
    return t;
}

sigmoe_status threads_create(int count, threads **out) {
    if (count == 0) count = threads_available();
    if (count < 0 || count > MOST_THREADS)
        return fail(SIGMOE_BAD_ARGUMENT, "%d threads: ask for 1 to %d (0 lets the machine decide)", count,
            MOST_THREADS);
    threads *t = pool_with_workers(count);
    if (!t) return fail(SIGMOE_NO_MEMORY, "no memory for %d threads", count);
    start_workers(t, count);
    if (t->count < count) {
        int started = t->count;
        threads_destroy(t);
        return fail(
            SIGMOE_NO_MEMORY, "the system refuses thread %d of %d; ask for fewer", started + 1, count);
    }
    *out = t;
    return SIGMOE_OK;
}

sigmoe_status threads_create_hosted(threads **out) {
    *out = pool_new();
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for threads");
}

void threads_lend(threads *t, const threads_host *host, int count) {
    t->host = host ? *host : (threads_host){0};
    t->count = host && count > 1 ? count : 1;
}

void threads_destroy(threads *t) {
    if (!t) return;
    if (t->fork != forks || !t->workers) t->count = 1; // its workers are in the parent, or a host's
    atomic_store(&t->stop, true);
    atomic_fetch_add(&t->round, 1);
    wake(&t->round, t->count);
    for (int i = 1; i < t->count; i++) pthread_join(t->workers[i].thread, NULL);
    free(t->workers);
    free(t);
}

int threads_count(const threads *t) {
    return t->count;
}
