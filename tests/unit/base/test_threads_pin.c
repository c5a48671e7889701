// Pinned threads: which processor each gets.
#include "base/threads.h"
#include "base/threads_place.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 4 };

static cpu_set_t allowed; // of the child, before pinning began

typedef struct places {
    cpu_set_t of_thread[MOST];
    atomic_int come;
    int count;
} places;

// As many tasks as threads, which wait for each other: each thread runs one.
static void note_place(void *context, int64_t task, int thread) {
    (void)task;
    places *p = context;
    sched_getaffinity(0, sizeof p->of_thread[0], &p->of_thread[thread]);
    atomic_fetch_add(&p->come, 1);
    while (p->come < p->count) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

// The number-th of the allowed ones, in turn.
static int processor(int number) {
    int wanted = number % CPU_COUNT(&allowed), cpu = 0;
    for (; !CPU_ISSET(cpu, &allowed) || wanted-- > 0; cpu++) {
    }
    return cpu;
}

static bool well_placed(int count, int first) {
    places p = {.count = count};
    threads *pool;
    bool well = true;
    threads_pin_from(first);
    if (threads_create(count, &pool) != SIGMOE_OK) return false;
    parallel_for(pool, count, note_place, &p);
    threads_destroy(pool);
    for (int i = 0; i < count; i++)
        well = well && CPU_COUNT(&p.of_thread[i]) == 1 && CPU_ISSET(processor(first + i), &p.of_thread[i]);
    return well;
}

// Pinning lasts as long as the process.
static void in_a_child(bool holds(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        sched_getaffinity(0, sizeof allowed, &allowed);
        _exit(!holds());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool each_has_its_own(void) {
    int available = threads_available();
    threads_pin();
    for (int count = 1; count <= MOST; count++)
        if (!well_placed(count, 0)) return false;
    return threads_available() == available; // not 1, as the mask of the bound caller says
}

static bool others_begin_elsewhere(void) {
    threads_pin();
    for (int first = 0; first < 2 * MOST; first++)
        if (!well_placed(2, first)) return false;
    return true;
}

static bool the_given_mask_counts(void) {
    cpu_set_t last;
    CPU_ZERO(&last);
    CPU_SET(processor(CPU_COUNT(&allowed) - 1), &last);
    allowed = last;
    if (sched_setaffinity(0, sizeof last, &last) != 0) return false;
    threads_pin();
    return well_placed(1, 0) && well_placed(2, 0);
}

static void each_thread_has_its_processor(void **state) {
    (void)state;
    in_a_child(each_has_its_own);
}

// As the jobs of a sweep ask for it. More threads than processors share them in turn.
static void processes_can_begin_elsewhere(void **state) {
    (void)state;
    in_a_child(others_begin_elsewhere);
}

// So taskset keeps two processes apart.
static void masks_from_outside_count(void **state) {
    (void)state;
    in_a_child(the_given_mask_counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_has_its_processor),
        cmocka_unit_test(processes_can_begin_elsewhere),
        cmocka_unit_test(masks_from_outside_count),
    };
    return cmocka_run_group_tests_name("threads_pin", tests, NULL, NULL);
}
