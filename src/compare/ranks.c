#include "compare/ranks.h"

#include "base/observer.h"
#include "base/progress.h"
#include "system/file_lock.h"
#include "system/output_kind.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

int ranks_on_host(const communicator *link) {
    int count = 1;
    for (int rank = 0; rank < communicator_ranks(link); rank++)
        count += rank != communicator_rank(link) &&
                 strcmp(communicator_host(link, rank), communicator_host(link, communicator_rank(link))) == 0;
    return count;
}

typedef struct shared_list {
    const job_list *list;
    communicator *link;
    const sigmoe_observer *observer;
    char path[PATH_CAPACITY]; // of the lock file
    int lock;
    bool *done; // [list->count]
    int left;
} shared_list;

// Trains the run, or reads the result that another process's training has left.
static sigmoe_status train(const job_list *list, int run, const sigmoe_observer *observer) {
    double before = list->eta->done;
    TRY(list->train(list->context, run, observer));
    if (list->eta->done <= before) eta_end(list->eta, list->plan->runs[run].variant);
    return list->trained(list->context, run);
}

static sigmoe_status try_run(shared_list *s, int i) {
    bool taken;
    int run = s->list->runs[i];
    TRY(file_lock_try_part(s->lock, run, s->path, &taken));
    if (!taken) return SIGMOE_OK; // another process trains it
    sigmoe_status status = train(s->list, run, s->observer);
    file_lock_release_part(s->lock, run);
    s->done[i] = true;
    s->left--;
    return status;
}

// In the plan's order, so that all processes together go from seed to seed.
static sigmoe_status go_through(shared_list *s) {
    for (int i = 0; i < s->list->count; i++) {
        if (s->done[i]) continue;
        if (observer_stops(s->observer))
            return fail(SIGMOE_INTERRUPTED, "stopped; `resume` goes on from here");
        TRY(communicator_listen(s->link));
        TRY(try_run(s, i));
    }
    return SIGMOE_OK;
}

static sigmoe_status go_through_until_done(shared_list *s) {
    static const struct timespec A_WHILE = {.tv_nsec = 200 * 1000 * 1000};
    bool told = false;
    for (;;) {
        TRY(go_through(s));
        if (s->left == 0) return SIGMOE_OK;
        if (!told) progress_note(s->observer, "waiting for runs of other processes: %d", s->left);
        told = true;
        nanosleep(&A_WHILE, NULL);
    }
}

sigmoe_status run_over_ranks(const job_list *list, communicator *link, const sigmoe_observer *observer) {
    const comparison_plan *p = list->plan;
    shared_list s = {.list = list, .link = link, .observer = observer, .left = list->count};
    TRY(ARENA_NEW(p->arena, s.done, list->count));
    TRY(path_format(s.path, "%s/" TAKEN_NAME, p->request->out));
    TRY(file_lock_open(s.path, &s.lock));
    sigmoe_status status = go_through_until_done(&s);
    close(s.lock);
    return status;
}
