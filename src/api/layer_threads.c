#include "api/layer_threads.h"

#include "api/request.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>

enum { MOST_HOST_THREADS = 1024 };

// A lock that a child finds free after a fork although another thread of its parent held it: that thread is not in the child.
// The value is 0 when it is free, otherwise 1 plus the number of forks before the process that took it.
typedef _Atomic unsigned fork_lock;

static bool lock_try(fork_lock *lock) {
    unsigned own = threads_forks() + 1, seen = atomic_load_explicit(lock, memory_order_relaxed);
    return seen != own && atomic_compare_exchange_strong_explicit(
                              lock, &seen, own, memory_order_acquire, memory_order_relaxed);
}

// For what takes microseconds.
static void lock_take(fork_lock *lock) {
    while (!lock_try(lock)) sched_yield();
}

static void lock_give(fork_lock *lock) {
    atomic_store_explicit(lock, 0, memory_order_release);
}

// ---------------------------------------------------------------- the choice

typedef struct choice {
    int count;                // of the library's own pool, as it was asked for: 0 is as many as allowed
    sigmoe_host_threads host; // parallel_for NULL: the library's own pool
    bool of_torch;            // the host is libtorch ...
    unsigned fork;            // ... whose threads exist only in this process (threads_forks)
} choice;

// One is in force and the other is being written, so that a fork at any time leaves a whole one to the child.
static choice choices[2];
static _Atomic unsigned in_force;
static fork_lock choosing;

static choice choice_now(void) {
    lock_take(&choosing);
    choice now = choices[atomic_load(&in_force)];
    lock_give(&choosing);
    return now;
}

// libtorch's OpenMP would wait for ever, in a child, for threads that stayed in the parent.
static bool is_lost(const choice *c) {
    return c->of_torch && c->fork != threads_forks();
}

static bool is_hosted(const choice *c) {
    return c->host.parallel_for && !is_lost(c);
}

static int host_count(const choice *c) {
    int count = c->host.count(c->host.context);
    return count < 1 ? 1 : count > MOST_HOST_THREADS ? MOST_HOST_THREADS : count;
}

static int pool_count(const choice *c) {
    return is_lost(c) ? host_count(c) : c->count;
}

// ---------------------------------------------------------------- the library's own pool

static fork_lock pool_taken;
// A whole pool or NULL at any time, also for a child.
static threads *_Atomic pool;
static int pool_asked_for;

static void drop_pool(void) {
    threads_destroy(atomic_exchange(&pool, NULL));
}

static sigmoe_status make_pool(int count) {
    threads *made;
    if (atomic_load(&pool) && pool_asked_for == count) return SIGMOE_OK;
    drop_pool();
    TRY(threads_create(count, &made));
    pool_asked_for = count;
    atomic_store(&pool, made);
    return SIGMOE_OK;
}

static void choose(const choice *c) {
    lock_take(&choosing);
    unsigned next = !atomic_load(&in_force);
    choices[next] = *c;
    atomic_store(&in_force, next);
    lock_give(&choosing);
    // A pool that is in use is dropped when a call needs another one.
    if (!lock_try(&pool_taken)) return;
    if (is_hosted(c) || pool_asked_for != c->count) drop_pool();
    lock_give(&pool_taken);
}

// ---------------------------------------------------------------- for a layer

sigmoe_status layer_threads_open(layer_threads *l) {
    *l = (layer_threads){0};
    return threads_create_hosted(&l->lent);
}

void layer_threads_close(layer_threads *l) {
    threads_destroy(l->lent);
    *l = (layer_threads){0};
}

sigmoe_status layer_threads_begin(layer_threads *l, threads **out) {
    choice c = choice_now();
    *out = l->lent;
    if (is_hosted(&c)) {
        threads_lend(l->lent, &(threads_host){c.host.context, c.host.parallel_for}, host_count(&c));
        return SIGMOE_OK;
    }
    threads_lend(l->lent, NULL, 1);
    int count = pool_count(&c);
    if (count == 1 || !lock_try(&pool_taken)) return SIGMOE_OK;
    sigmoe_status status = make_pool(count);
    if (status == SIGMOE_OK) {
        l->has_pool = true;
        *out = atomic_load(&pool);
    } else {
        lock_give(&pool_taken);
    }
    return status;
}

void layer_threads_end(layer_threads *l) {
    if (l->has_pool) lock_give(&pool_taken);
    l->has_pool = false;
}

// ---------------------------------------------------------------- the public functions

sigmoe_status sigmoe_layer_threads(int count) {
    if (count < 0 || count > MOST_HOST_THREADS)
        return fail(SIGMOE_BAD_ARGUMENT, "%d threads for layers: ask for 1 to %d (0 lets the machine decide)",
            count, MOST_HOST_THREADS);
    choose(&(choice){.count = count});
    return SIGMOE_OK;
}

void sigmoe_host_threads_defaults_sized(sigmoe_host_threads *host, size_t size) {
    sized_fill(host, size, &(sigmoe_host_threads){0}, sizeof *host);
}

sigmoe_status sigmoe_layer_host_threads(const sigmoe_host_threads *given) {
    choice c = {0};
    if (given) {
        TRY(sized_read(&c.host, sizeof c.host, given, "host threads struct", "sigmoe_host_threads_defaults"));
        if (!c.host.count || !c.host.parallel_for)
            return fail(SIGMOE_BAD_ARGUMENT, "host threads need both `count` and `parallel_for`");
    }
    choose(&c);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- libtorch

// From torch/csrc/stable/c/shim.h: part of its stable interface since 2.10. Both return 0 on success.
typedef struct torch_threads {
    int32_t (*parallel_for)(int64_t begin, int64_t end, int64_t grain_size,
        void (*function)(int64_t begin, int64_t end, void *context), void *context);
    int32_t (*get_num_threads)(uint32_t *count);
    unsigned fork; // where it was found: a child that asks again would not know whether its parent used them
} torch_threads;

static torch_threads torch; // never changes once it is known

static int torch_count(void *context) {
    uint32_t count = 1;
    (void)context;
    return torch.get_num_threads(&count) == 0 && count <= MOST_HOST_THREADS ? (int)count : 1;
}

typedef struct torch_round {
    void (*body)(void *argument, int64_t i);
    void *argument;
} torch_round;

static void run_range(int64_t begin, int64_t end, void *context) {
    const torch_round *round = context;
    for (int64_t i = begin; i < end; i++) round->body(round->argument, i);
}

// If libtorch reports an error, the pool runs what is left to do on the calling thread.
static void torch_parallel_for(
    void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument) {
    torch_round round = {body, argument};
    (void)context;
    torch.parallel_for(0, n, 1, run_range, &round);
}

// Python loads libtorch so that its symbols are visible only to libraries that ask for it by name.
static bool find_torch(void) {
    void *places[] = {RTLD_DEFAULT, dlopen("libtorch_cpu.so", RTLD_NOLOAD | RTLD_LAZY)};
    for (int i = 0; i < 2; i++) {
        if (i > 0 && !places[i]) continue; // RTLD_DEFAULT is NULL
        torch_threads found = {.fork = threads_forks()};
        *(void **)&found.parallel_for = dlsym(places[i], "torch_parallel_for");
        *(void **)&found.get_num_threads = dlsym(places[i], "torch_get_num_threads");
        if (!found.parallel_for || !found.get_num_threads) continue;
        torch = found;
        return true;
    }
    return false;
}

bool sigmoe_layer_torch_threads(void) {
    static fork_lock finding;
    lock_take(&finding);
    bool found = torch.parallel_for || find_torch();
    lock_give(&finding);
    if (found)
        choose(&(choice){.host = {.size = sizeof(sigmoe_host_threads),
                             .count = torch_count,
                             .parallel_for = torch_parallel_for},
            .of_torch = true,
            .fork = torch.fork});
    return found;
}
