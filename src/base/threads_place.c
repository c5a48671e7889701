#include "base/threads_place.h"

#include "base/cpu_quota.h"

#include <stdbool.h>

static bool pinned;
static int first_place;        // index of the calling thread's among the allowed ones
static cpu_set_t allowed_once; // when pinning began: a bound thread's mask has only its own

static void places_now(cpu_set_t *set) {
    if (sched_getaffinity(0, sizeof *set, set) == 0 && CPU_COUNT(set) > 0) return;
    CPU_ZERO(set);
    CPU_SET(0, set);
}

void threads_pin(void) {
    if (!pinned) places_now(&allowed_once);
    pinned = true;
}

void threads_pin_from(int first) {
    first_place = first;
}

// Here and below, a failure only affects the speed.
void thread_place_bind(int index) {
    if (!pinned) return;
    int wanted = (first_place + index) % CPU_COUNT(&allowed_once);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed_once) && wanted-- == 0) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

// `whole` without the calling thread's processor; false if threads are pinned or no processor is left.
static bool other_places(const cpu_set_t *whole, cpu_set_t *others) {
    int here = sched_getcpu();
    *others = *whole;
    if (here >= 0 && here < CPU_SETSIZE) CPU_CLR(here, others);
    return !pinned && CPU_COUNT(others) > 0;
}

static int start_on(const cpu_set_t *set, pthread_t *thread, void *function(void *), void *argument) {
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return error;
    error = pthread_attr_setaffinity_np(&attributes, sizeof *set, set);
    if (error == 0) error = pthread_create(thread, &attributes, function, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

int thread_place_start(thread_place *p, pthread_t *thread, void *function(void *), void *argument) {
    cpu_set_t others;
    places_now(&p->whole);
    p->kept_off = other_places(&p->whole, &others);
    if (p->kept_off && start_on(&others, thread, function, argument) == 0) return 0;
    p->kept_off = false;
    return pthread_create(thread, NULL, function, argument);
}

// Only the waking thread sets `kept_off`, after writing `whole`; only the thread itself clears it, after reading `whole`.
void thread_place_keep_off(thread_place *p, pthread_t thread) {
    cpu_set_t others;
    if (atomic_load_explicit(&p->kept_off, memory_order_acquire)) return;
    if (pthread_getaffinity_np(thread, sizeof p->whole, &p->whole) != 0) return;
    if (!other_places(&p->whole, &others)) return;
    if (pthread_setaffinity_np(thread, sizeof others, &others) != 0) return;
    atomic_store_explicit(&p->kept_off, true, memory_order_release);
}

void thread_place_free(thread_place *p) {
    if (!atomic_load_explicit(&p->kept_off, memory_order_acquire)) return;
    sched_setaffinity(0, sizeof p->whole, &p->whole);
    atomic_store_explicit(&p->kept_off, false, memory_order_release);
}

int threads_available(void) {
    cpu_set_t set = allowed_once;
    if (!pinned) places_now(&set);
    int cpus = CPU_COUNT(&set), limit = cpu_quota("");
    if (cpus > limit) cpus = limit;
    return cpus < 1 ? 1 : cpus;
}
