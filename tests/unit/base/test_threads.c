// The pool: each task once whatever the counts, on a busy processor too, and threads that wait cost nothing after a while.
#include "base/threads.h"
#include "base/threads_place.h"
#include "sanitizers.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_TASKS = 5000, LARGEST_POOL = 16 };

typedef struct tally {
    atomic_int times[MOST_TASKS];    // how often a task ran
    atomic_int inside[LARGEST_POOL]; // tasks that run under this index at this moment
    int pool_size;
    atomic_bool bad_index;
} tally;

static void count_task(void *context, int64_t task, int thread) {
    tally *t = context;
    if (thread < 0 || thread >= t->pool_size || atomic_fetch_add(&t->inside[thread], 1) != 0)
        t->bad_index = true;
    atomic_fetch_add(&t->times[task], 1);
    atomic_fetch_sub(&t->inside[thread], 1);
}

static void check_round(threads *pool, tally *t, int64_t tasks) {
    memset(t, 0, sizeof *t);
    t->pool_size = threads_count(pool);
    parallel_for(pool, tasks, count_task, t);
    for (int64_t i = 0; i < MOST_TASKS; i++) assert_int_equal(t->times[i], i < tasks);
    assert_false(t->bad_index);
}

static void check_pool(int count) {
    static const int64_t tasks[] = {0, 1, 2, 3, 7, 8, 9, 64, 65, 1001, MOST_TASKS};
    static tally t;
    threads *pool;
    assert_int_equal(threads_create(count, &pool), SIGMOE_OK);
    assert_int_equal(threads_count(pool), count);
    for (int again = 0; again < 5; again++)
        for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) check_round(pool, &t, tasks[i]);
    threads_destroy(pool);
}

static void each_task_runs_once(void **state) {
    (void)state;
    for (int count = 1; count <= LARGEST_POOL; count = count < 4 ? count + 1 : 2 * count) check_pool(count);
}

// What a round reads was written before it, and what tasks wrote stands when it returns: no atomics here, so ThreadSanitizer sees.
static void add_task(void *context, int64_t task, int thread) {
    (void)thread;
    int64_t *values = context;
    values[task + 1] += values[0];
}

static void rounds_see_each_other(void **state) {
    (void)state;
    enum { ROUNDS = 3000, TASKS = 5 };
    int64_t values[TASKS + 1] = {0}, expected = 0;
    threads *pool;
    assert_int_equal(threads_create(3, &pool), SIGMOE_OK);
    for (int64_t round = 1; round <= ROUNDS; round++) {
        values[0] = round;
        expected += round;
        parallel_for(pool, TASKS, add_task, values);
    }
    for (int i = 1; i <= TASKS; i++) assert_int_equal(values[i], expected);
    threads_destroy(pool);
}

static void sleep_nanoseconds(long nanoseconds) {
    struct timespec rest = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    while (nanosleep(&rest, &rest) != 0) {
    }
}

// Between rounds, and in their middle, everybody falls asleep, and is woken.
static void slow_task(void *context, int64_t task, int thread) {
    if (task % 2) sleep_nanoseconds(1000000);
    count_task(context, task, thread);
}

static void sleepers_wake(void **state) {
    (void)state;
    static tally t;
    threads *pool;
    assert_int_equal(threads_create(4, &pool), SIGMOE_OK);
    for (int round = 0; round < 40; round++) {
        memset(&t, 0, sizeof t);
        t.pool_size = 4;
        sleep_nanoseconds(round % 3 * 700000);
        parallel_for(pool, 9, slow_task, &t);
        for (int i = 0; i < 9; i++) assert_int_equal(t.times[i], 1);
        assert_false(t.bad_index);
    }
    threads_destroy(pool);
}

static void nested_task(void *context, int64_t task, int thread) {
    (void)thread;
    static const int64_t sizes[] = {0, 1, 5};
    static _Thread_local tally inner;
    threads **pools = context;
    check_round(pools[task], &inner, sizes[task % 3]);
}

// A task may use another pool, if no other task does.
static void pools_nest(void **state) {
    (void)state;
    enum { INNER = 6 };
    threads *outer, *inner[INNER];
    assert_int_equal(threads_create(3, &outer), SIGMOE_OK);
    for (int i = 0; i < INNER; i++) assert_int_equal(threads_create(1 + i % 3, &inner[i]), SIGMOE_OK);
    for (int again = 0; again < 50; again++) parallel_for(outer, INNER, nested_task, inner);
    for (int i = 0; i < INNER; i++) threads_destroy(inner[i]);
    threads_destroy(outer);
}

static void pools_come_and_go(void **state) {
    (void)state;
    static tally t;
    for (int i = 0; i < 300; i++) {
        threads *pool;
        assert_int_equal(threads_create(1 + i % 5, &pool), SIGMOE_OK);
        if (i % 3) check_round(pool, &t, i % 7);
        threads_destroy(pool);
    }
    threads_destroy(NULL);
}

// Sixteen threads that have one processor among them.
static void one_processor_is_enough(void **state) {
    (void)state;
    cpu_set_t mine, one;
    assert_int_equal(sched_getaffinity(0, sizeof mine, &mine), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &mine)) CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(threads_available(), 1);
    check_pool(LARGEST_POOL);
    rounds_see_each_other(NULL);
    assert_int_equal(sched_setaffinity(0, sizeof mine, &mine), 0);
}

static void note_places(void *context, int64_t task, int thread) {
    (void)task;
    cpu_set_t *sets = context;
    sched_getaffinity(0, sizeof *sets, &sets[thread]);
    sleep_nanoseconds(1000000);
}

// A worker starts, and wakes, off the caller's processor, and may then use all again: nothing is bound without threads_pin.
static void nobody_stays_bound(void **state) {
    (void)state;
    enum { COUNT = 3 };
    static tally t;
    cpu_set_t mine, sets[COUNT];
    threads *pool;
    assert_int_equal(sched_getaffinity(0, sizeof mine, &mine), 0);
    assert_int_equal(threads_create(COUNT, &pool), SIGMOE_OK);
    for (int round = 0; round < 10; round++) {
        sleep_nanoseconds(2000000); // asleep, and to be woken
        check_round(pool, &t, 64);
    }
    for (int i = 0; i < COUNT; i++) sets[i] = mine; // who comes too late for a task is not asked
    for (int round = 0; round < 3; round++) parallel_for(pool, 2 * COUNT, note_places, sets);
    for (int i = 0; i < COUNT; i++) assert_true(CPU_EQUAL(&sets[i], &mine));
    threads_destroy(pool);
}

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Not a speed: three workers that spun on would use up to three seconds, and one at least a third of one even on a processor
// that it must share; the bound on spinning is thousands of times smaller.
static void idle_threads_sleep(void **state) {
    (void)state;
    static tally t;
    threads *pool;
    assert_int_equal(threads_create(4, &pool), SIGMOE_OK);
    check_round(pool, &t, 100);
    double before = processor_seconds();
    sleep_nanoseconds(1000000000);
    double used = processor_seconds() - before;
    threads_destroy(pool);
    print_message("an idle second took %.6f s of processor time\n", used);
    assert_true(used < 0.05);
}

typedef struct meeting {
    atomic_int come;
    pid_t thread_id[2];
} meeting;

// Two tasks that meet: so each thread of the pool runs one of them.
static void meet(void *context, int64_t task, int thread) {
    (void)task;
    meeting *m = context;
    m->thread_id[thread] = gettid();
    atomic_fetch_add(&m->come, 1);
    while (m->come < 2) sleep_nanoseconds(100000);
}

typedef struct masks {
    meeting m;
    sigset_t of_thread[2];
} masks;

static void note_mask(void *context, int64_t task, int thread) {
    masks *all = context;
    pthread_sigmask(SIG_BLOCK, NULL, &all->of_thread[thread]);
    meet(&all->m, task, thread);
}

static void assert_same_mask(const sigset_t *a, const sigset_t *b) {
    for (int number = 1; number <= SIGRTMAX; number++)
        assert_int_equal(sigismember(a, number), sigismember(b, number));
}

// What is sent to the process reaches the program's own threads, and what an instruction raises the thread that ran it.
static void workers_leave_signals_alone(void **state) {
    (void)state;
    static const int sent[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE, SIGALRM, SIGWINCH};
    static const int raised[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    masks all = {0};
    threads *pool;
    sigset_t mine, before, after;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &mine, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_int_equal(threads_create(2, &pool), SIGMOE_OK);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_same_mask(&after, &before);
    parallel_for(pool, 2, note_mask, &all);
    threads_destroy(pool);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
    assert_same_mask(&all.of_thread[0], &before);
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        assert_int_equal(sigismember(&all.of_thread[1], sent[i]), 1);
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++)
        assert_int_equal(sigismember(&all.of_thread[1], raised[i]), 0);
}

// ThreadSanitizer ends a child that makes threads.
enum { CHILDREN_MAY_HAVE_THREADS = !THREAD_SANITIZED };

static bool both_threads_work(threads *pool) {
    meeting m = {0};
    parallel_for(pool, 2, meet, &m); // never returns where one thread is missing
    return m.thread_id[0] == gettid() && m.thread_id[1] != m.thread_id[0];
}

// A child, and children of it, use the pools. One that waits for workers of its parent's waits for ever; the alarm ends that.
static bool descendants_work(threads *used, threads *unused, int generations) {
    int status = 0;
    if (generations == 0) return true;
    pid_t child = fork();
    if (child > 0) return waitpid(child, &status, 0) == child && status == 0;
    alarm(60);
    bool work = both_threads_work(used) && both_threads_work(used) &&
                descendants_work(used, unused, generations - 1) && both_threads_work(used);
    threads_destroy(used);
    threads_destroy(unused);
    _exit(!work);
}

static void pools_survive_a_fork(void **state) {
    (void)state;
    threads *used, *unused;
    if (!CHILDREN_MAY_HAVE_THREADS) skip();
    assert_int_equal(threads_create(2, &used), SIGMOE_OK);
    assert_int_equal(threads_create(2, &unused), SIGMOE_OK);
    assert_true(both_threads_work(used));
    assert_true(descendants_work(used, unused, 2));
    assert_true(both_threads_work(used));
    assert_true(both_threads_work(unused));
    threads_destroy(used);
    threads_destroy(unused);
}

static void meet_and_linger(void *context, int64_t task, int thread) {
    meet(context, task, thread);
    if (thread > 0) sleep_nanoseconds(1000000000);
}

// The caller sleeps while it waits for a worker's long task.
static void waiting_for_a_task_sleeps(void **state) {
    (void)state;
    meeting m = {0};
    threads *pool;
    assert_int_equal(threads_create(2, &pool), SIGMOE_OK);
    double before = processor_seconds();
    parallel_for(pool, 2, meet_and_linger, &m);
    double used = processor_seconds() - before;
    threads_destroy(pool);
    print_message("a second's wait took %.6f s of processor time\n", used);
    assert_true(used < 0.05);
}

static atomic_bool held, released, gave_up;

static void hold(int number) {
    (void)number;
    held = true;
    for (int i = 0; i < 5000 && !released; i++) sleep_nanoseconds(1000000);
    gave_up = !released;
}

static void meet_and_listen(void *context, int64_t task, int thread) {
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGUSR1);
    if (thread > 0) pthread_sigmask(SIG_UNBLOCK, &heard, NULL);
    meet(context, task, thread);
}

// A worker that does not get a processor, here since a signal's handler keeps it, is not waited for.
static void late_workers_are_not_waited_for(void **state) {
    (void)state;
    static tally t;
    meeting m = {0};
    threads *pool;
    struct sigaction holding = {.sa_handler = hold}, before;
    assert_int_equal(sigaction(SIGUSR1, &holding, &before), 0);
    assert_int_equal(threads_create(2, &pool), SIGMOE_OK);
    parallel_for(pool, 2, meet_and_listen, &m);
    assert_int_equal(syscall(SYS_tgkill, getpid(), m.thread_id[1], SIGUSR1), 0);
    for (int i = 0; i < 2000 && !held; i++) sleep_nanoseconds(1000000);
    bool holds = held; // ThreadSanitizer delivers it much later
    if (holds)
        for (int round = 0; round < 100; round++) check_round(pool, &t, 7);
    bool waited = gave_up;
    released = true;
    check_round(pool, &t, 9);
    threads_destroy(pool);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_false(waited);
    if (!holds) skip();
}

typedef struct call_of_host {
    void (*body)(void *argument, int64_t i);
    void *argument;
    int64_t i;
} call_of_host;

static void *call_body(void *context) {
    call_of_host *c = context;
    c->body(c->argument, c->i);
    return NULL;
}

// Each call on a thread of its own, in any order.
static void host_with_threads(
    void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument) {
    pthread_t thread[LARGEST_POOL];
    call_of_host call[LARGEST_POOL];
    *(int64_t *)context = n;
    for (int64_t i = 0; i < n; i++) {
        call[i] = (call_of_host){body, argument, n - 1 - i};
        assert_int_equal(pthread_create(&thread[i], NULL, call_body, &call[i]), 0);
    }
    for (int64_t i = 0; i < n; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static void host_in_turn(void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument) {
    *(int64_t *)context = n;
    for (int64_t i = 0; i < n; i++) body(argument, i);
}

static void host_that_refuses(
    void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument) {
    (void)body, (void)argument;
    *(int64_t *)context = n;
}

static void a_host_runs_rounds(void **state) {
    (void)state;
    static tally t;
    int64_t asked = -1;
    const threads_host hosts[] = {
        {&asked, host_with_threads}, {&asked, host_in_turn}, {&asked, host_that_refuses}};
    threads *pool;
    assert_int_equal(threads_create_hosted(&pool), SIGMOE_OK);
    assert_int_equal(threads_count(pool), 1);
    check_round(pool, &t, 65);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        threads_lend(pool, &hosts[i], 3);
        assert_int_equal(threads_count(pool), 3);
        for (int64_t tasks = 2; tasks < 100; tasks += 16) {
            check_round(pool, &t, tasks);
            assert_int_equal(asked, tasks < 3 ? tasks : 3);
        }
        asked = -1;
        check_round(pool, &t, 0);
        check_round(pool, &t, 1);
        threads_lend(pool, &hosts[i], 1);
        check_round(pool, &t, 65);
        threads_lend(pool, NULL, 3);
        assert_int_equal(threads_count(pool), 1);
        check_round(pool, &t, 65);
        assert_int_equal(asked, -1); // nobody is asked to run what the calling thread runs alone
    }
    threads_destroy(pool);
}

static void forks_are_counted(void **state) {
    (void)state;
    unsigned before = threads_forks();
    int status;
    pid_t child = fork();
    if (child == 0) _exit(threads_forks() != before + 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(threads_forks(), before);
}

static void impossible_counts_are_refused(void **state) {
    (void)state;
    threads *pool;
    assert_int_equal(threads_create(-1, &pool), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(threads_create(1025, &pool), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(threads_create(0, &pool), SIGMOE_OK);
    assert_int_equal(threads_count(pool), threads_available());
    threads_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once),
        cmocka_unit_test(rounds_see_each_other),
        cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(pools_nest),
        cmocka_unit_test(pools_come_and_go),
        cmocka_unit_test(one_processor_is_enough),
        cmocka_unit_test(nobody_stays_bound),
        cmocka_unit_test(idle_threads_sleep),
        cmocka_unit_test(waiting_for_a_task_sleeps),
        cmocka_unit_test(late_workers_are_not_waited_for),
        cmocka_unit_test(workers_leave_signals_alone),
        cmocka_unit_test(pools_survive_a_fork),
        cmocka_unit_test(a_host_runs_rounds),
        cmocka_unit_test(forks_are_counted),
        cmocka_unit_test(impossible_counts_are_refused),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
