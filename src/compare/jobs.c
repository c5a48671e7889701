#include "compare/jobs.h"

#include "base/observer.h"
#include "base/threads.h"
#include "base/threads_place.h"
#include "compare/run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MILLISECONDS = 200, AS_SIGNAL = 128 };

typedef struct job {
    pid_t process; // 0: the slot is free
    int pipe;      // receives the child's error message; closed when the child ends
    int run;       // index in the comparison
} job;

typedef struct job_pool {
    const job_list *list;
    const sigmoe_observer *observer; // may be NULL
    job jobs[MOST_JOBS];
    double *part; // [MOST_JOBS], shared with the children: how much of their runs is done since they started
    int slots, busy;
    int begun, done;      // runs
    kept_failure failure; // of the first run that failed
    bool stopping;
    int saves_passed; // save requests that were passed on
} job_pool;

// ---------------------------------------------------------------- the child

// Handles what a child's run reports: its progress goes to the parent, which shows one line for all; its notes go to the user.
typedef struct child_observer {
    const sigmoe_observer *listener;
    double *part;
    double before; // what was done when it started; NaN: not reported yet
} child_observer;

static void share_part(void *context, const sigmoe_progress *progress) {
    child_observer *child = context;
    double part = progress->done / progress->total;
    if (isnan(child->before)) child->before = part;
    *child->part = part - child->before;
}

static void pass_note(void *context, const char *line) {
    const sigmoe_observer *listener = ((child_observer *)context)->listener;
    if (listener->note) listener->note(listener->context, line);
}

static sigmoe_flag stop_child, child_saves;
static volatile pid_t parent_of_child;

// A batch system sends SIGTERM to every process, and the parent passes on its own: while the parent lives, a child that gets
// the signal twice still saves. If the parent has got it twice, it is gone, and there is no time left to save. A closing
// terminal may end the parent, too, and is no reason to hurry.
static void on_stop(int number) {
    if (atomic_load(&stop_child) && number != SIGHUP && getppid() != parent_of_child)
        _exit(AS_SIGNAL + number);
    atomic_store(&stop_child, 1);
}

static void on_save(int number) {
    (void)number;
    atomic_fetch_add(&child_saves, 1);
}

// On the parent's signal stack, if it has one, for the same reason as there.
static void handle(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK}, before;
    sigfillset(&action.sa_mask);
    if (sigaction(number, NULL, &before) != 0) return;
    if (number == SIGHUP && before.sa_handler == SIG_IGN) return; // as nohup requests
    sigaction(number, &action, NULL);
}

static void catch_signals(pid_t parent, sigmoe_observer *observer) {
    parent_of_child = parent;
    atomic_store(&stop_child, observer_stops(observer));
    handle(SIGINT, on_stop);
    handle(SIGTERM, on_stop);
    handle(SIGHUP, on_stop);
    handle(SIGUSR1, on_save);
    observer->stop = &stop_child;
    observer->save = &child_saves;
}

// Never returns. Has its own process group: Ctrl-C reaches only the parent, which passes it on.
static void be_child(job_pool *pool, int run, double *part, pid_t parent, int pipe, const sigset_t *mask) {
    sigmoe_observer observer = pool->observer ? *pool->observer : (sigmoe_observer){0};
    child_observer child = {.listener = pool->observer, .part = part, .before = NAN};
    setpgid(0, 0);
    catch_signals(parent, &observer);
    pthread_sigmask(SIG_SETMASK, mask, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(SIGMOE_INTERRUPTED);
    int share = (observer.threads > 0 ? observer.threads : threads_available()) / pool->slots;
    observer.threads = share > 1 ? share : 1;
    threads_pin_from((int)(part - pool->part) * observer.threads);
    if (child.listener) {
        observer.progress = share_part;
        observer.note = pass_note;
        observer.context = &child;
    }
    sigmoe_status status = pool->list->train(pool->list->context, run, &observer);
    const char *message = sigmoe_message();
    ssize_t written = status == SIGMOE_OK ? 0 : write(pipe, message, strlen(message));
    _exit(written < 0 ? SIGMOE_IO : status);
}

// ---------------------------------------------------------------- the parent

// Signals are blocked until the child has installed its own handlers.
static pid_t make_child(job_pool *pool, int run, double *part, int pipe) {
    pid_t parent = getpid();
    sigset_t caught, mask;
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGHUP);
    sigaddset(&caught, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &caught, &mask);
    pid_t process = fork();
    if (process == 0) be_child(pool, run, part, parent, pipe, &mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return process;
}

static sigmoe_status begin(job_pool *pool, job *slot) {
    int ends[2], run = pool->list->runs[pool->begun];
    double *part = &pool->part[slot - pool->jobs];
    *part = 0;
    if (pipe(ends) != 0) return fail_errno("cannot make a pipe for a run");
    pid_t process = make_child(pool, run, part, ends[1]);
    close(ends[1]); // so that only the child holds it
    if (process < 0) {
        close(ends[0]);
        return fail_errno("cannot start a process for a run");
    }
    *slot = (job){.process = process, .pipe = ends[0], .run = run};
    pool->begun++;
    pool->busy++;
    return SIGMOE_OK;
}

static void stop_all(job_pool *pool) {
    if (pool->stopping) return;
    pool->stopping = true;
    for (int i = 0; i < pool->slots; i++)
        if (pool->jobs[i].process) kill(pool->jobs[i].process, SIGTERM);
}

static void pass_saves(job_pool *pool) {
    int asked = observer_saves(pool->observer);
    if (asked == pool->saves_passed) return;
    pool->saves_passed = asked;
    for (int i = 0; i < pool->slots; i++)
        if (pool->jobs[i].process) kill(pool->jobs[i].process, SIGUSR1);
}

static void note_failure(job_pool *pool, sigmoe_status status) {
    if (pool->failure.status == SIGMOE_OK) pool->failure = failure_keep(status);
    stop_all(pool);
}

// For a child that reported no message itself.
static void note_wordless(job_pool *pool, const job *j, const char *how) {
    const comparison_plan *p = pool->list->plan;
    note_failure(
        pool, fail(SIGMOE_IO, "the run %.200s, seed %" PRIu64 ", %s",
                  p->variants[p->runs[j->run].variant].label, plan_seed(p, p->runs[j->run].seed), how));
}

static void note_signal(job_pool *pool, const job *j, int number) {
    char how[256], memory[64] = "";
    if (pool->stopping) return;
    if (number == SIGKILL)
        snprintf(memory, sizeof memory, "; memory for %d runs at a time may be short", pool->slots);
    snprintf(how, sizeof how, "was ended by signal %d (%.100s)%s", number, strsignal(number), memory);
    note_wordless(pool, j, how);
}

// A handler that ends the process reports the signal as a shell would.
static void note_exit(job_pool *pool, const job *j, int code, const char *message) {
    char how[64];
    if (code > AS_SIGNAL) {
        note_signal(pool, j, code - AS_SIGNAL);
    } else if (*message && code <= SIGMOE_INTERRUPTED) {
        note_failure(pool, fail((sigmoe_status)code, "%s", message));
    } else {
        snprintf(how, sizeof how, "ended with status %d", code);
        note_wordless(pool, j, how);
    }
}

// The child's message; the child has ended.
static void read_message(int pipe, char message[MESSAGE_CAPACITY]) {
    size_t used = 0;
    ssize_t count = 1;
    while (used < MESSAGE_CAPACITY - 1 && count != 0) {
        count = read(pipe, message + used, MESSAGE_CAPACITY - 1 - used);
        if (count > 0) used += (size_t)count;
        if (count < 0 && errno != EINTR) break;
    }
    message[used] = '\0';
}

static void take_result(job_pool *pool, const job *j) {
    pool->done++;
    eta_end(pool->list->eta, pool->list->plan->runs[j->run].variant);
    sigmoe_status status = pool->list->trained(pool->list->context, j->run);
    if (status != SIGMOE_OK) note_failure(pool, status);
}

static void end(job_pool *pool, job *j) {
    char message[MESSAGE_CAPACITY];
    int status = 0;
    read_message(j->pipe, message);
    close(j->pipe);
    while (waitpid(j->process, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status))
        note_signal(pool, j, WTERMSIG(status));
    else if (WEXITSTATUS(status) != SIGMOE_OK)
        note_exit(pool, j, WEXITSTATUS(status), message);
    else
        take_result(pool, j);
    j->process = 0;
    pool->busy--;
}

// Waits until a child ends, or for a while.
static void wait_for_one(job_pool *pool) {
    struct pollfd waiting[MOST_JOBS];
    for (int i = 0; i < pool->slots; i++)
        waiting[i] = (struct pollfd){.fd = pool->jobs[i].process ? pool->jobs[i].pipe : -1, .events = POLLIN};
    if (poll(waiting, (nfds_t)pool->slots, POLL_MILLISECONDS) <= 0) return;
    for (int i = 0; i < pool->slots; i++)
        if (waiting[i].fd >= 0 && waiting[i].revents) end(pool, &pool->jobs[i]);
}

static double running_work(const job_pool *pool) {
    const job_list *list = pool->list;
    double work = 0;
    for (int i = 0; i < pool->slots; i++)
        if (pool->jobs[i].process)
            work += pool->part[i] * eta_work(list->eta, list->plan->runs[pool->jobs[i].run].variant);
    return work;
}

static void tell(const job_pool *pool) {
    const sigmoe_observer *o = pool->observer;
    if (!o || !o->progress) return;
    const sigmoe_progress progress = {.task = "sweep",
        .unit = "runs",
        .done = pool->list->plan->run_count - pool->list->count + pool->done,
        .total = pool->list->plan->run_count,
        .rate = NAN,
        .seconds_left = eta_seconds_left(pool->list->eta, running_work(pool)),
        .loss = NAN,
        .score = NAN,
        .tokens_per_second = NAN,
        .fraction_of_peak = NAN,
        .finished = pool->done == pool->list->count};
    o->progress(o->context, &progress);
}

static void begin_more(job_pool *pool) {
    for (int i = 0; i < pool->slots && pool->begun < pool->list->count && !pool->stopping; i++) {
        if (pool->jobs[i].process) continue;
        sigmoe_status status = begin(pool, &pool->jobs[i]);
        if (status != SIGMOE_OK) note_failure(pool, status);
    }
}

static void run_pool(job_pool *pool) {
    do {
        if (observer_stops(pool->observer)) stop_all(pool);
        pass_saves(pool);
        begin_more(pool);
        tell(pool);
        if (pool->busy > 0) wait_for_one(pool);
    } while (pool->busy > 0 || (pool->begun < pool->list->count && !pool->stopping));
    if (pool->done == pool->list->count) tell(pool);
}

sigmoe_status run_in_processes(const job_list *list, int jobs, const sigmoe_observer *observer) {
    job_pool pool = {.list = list, .observer = observer, .slots = jobs};
    if (list->count == 0) return SIGMOE_OK;
    pool.saves_passed = observer_saves(observer);
    size_t size = MOST_JOBS * sizeof *pool.part;
    pool.part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool.part == MAP_FAILED) return fail_errno("cannot share memory with the runs");
    run_pool(&pool);
    munmap(pool.part, size);
    if (pool.failure.status != SIGMOE_OK) return failure_again(&pool.failure);
    if (pool.done < list->count) return fail(SIGMOE_INTERRUPTED, "stopped; `resume` goes on from here");
    return SIGMOE_OK;
}
