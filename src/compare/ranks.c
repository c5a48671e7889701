#include "compare/ranks.h"

#include "base/observer.h"
#include "base/progress.h"
#include "system/file_lock.h"
#include "system/output_kind.h"

#include <stdlib.h>
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
    const sigmoe_observer *observer;
    char path[PATH_CAPACITY]; // of the lock file
    int lock;
    bool *done; // [list->count]
    int left;
} shared_list;

// What a group goes on with, as its first rank finds it: a run of the list, which it has taken then.
enum { NOTHING = -1 };
typedef struct choice {
    int place; // in the list, or NOTHING
    bool finished;
    bool stops; // each member's own
} choice;

// In the plan's order, so that all processes together go from seed to seed.
static sigmoe_status take_next(const shared_list *s, choice *c) {
    for (int i = 0; i < s->list->count && c->place == NOTHING; i++) {
        bool taken;
        if (s->done[i]) continue;
        TRY(file_lock_try_part(s->lock, s->list->runs[i], s->path, &taken));
        if (taken) c->place = i;
    }
    c->finished = c->place != NOTHING && s->list->finished(s->list->context, s->list->runs[c->place]);
    return SIGMOE_OK;
}

// All members make the same choice, and stop if one of them is asked to.
static sigmoe_status choose(const shared_list *s, choice *c) {
    communicator *group = s->list->plan->group;
    *c = (choice){.place = NOTHING, .stops = observer_stops(s->observer)};
    if (communicator_leads(group) && !c->stops) TRY(take_next(s, c));
    choice *all = calloc((size_t)communicator_ranks(group), sizeof *all);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for what a group of ranks does");
    sigmoe_status status = communicator_gather(group, c, sizeof *c, all);
    *c = all[0];
    for (int i = 0; i < communicator_ranks(group); i++) c->stops |= all[i].stops;
    free(all);
    return status;
}

// Trains the run, or reads the result that another process's training has left.
static sigmoe_status train(const job_list *list, int run, bool finished, const sigmoe_observer *observer) {
    double before = list->eta->done;
    if (finished) TRY(list->await(list->context, run));
    TRY(list->train(list->context, run, observer));
    if (list->eta->done <= before) eta_end(list->eta, list->plan->runs[run].variant);
    return list->trained(list->context, run);
}

static sigmoe_status do_chosen(shared_list *s, const choice *c) {
    int run = s->list->runs[c->place];
    sigmoe_status status = train(s->list, run, c->finished, s->observer);
    if (communicator_leads(s->list->plan->group)) file_lock_release_part(s->lock, run);
    s->done[c->place] = true;
    s->left--;
    return status;
}

static sigmoe_status go_on_until_done(shared_list *s) {
    static const struct timespec A_WHILE = {.tv_nsec = 200 * 1000 * 1000};
    for (bool told = false; s->left > 0;) {
        choice c;
        TRY(communicator_listen(s->list->plan->link));
        TRY(choose(s, &c));
        if (c.stops) return fail(SIGMOE_INTERRUPTED, "stopped; `resume` goes on from here");
        if (c.place != NOTHING) {
            TRY(do_chosen(s, &c));
            continue;
        }
        if (!told) progress_note(s->observer, "waiting for runs of other processes: %d", s->left);
        told = true;
        nanosleep(&A_WHILE, NULL);
    }
    return SIGMOE_OK;
}

sigmoe_status run_over_ranks(const job_list *list, const sigmoe_observer *observer) {
    const comparison_plan *p = list->plan;
    shared_list s = {.list = list, .observer = observer, .left = list->count};
    TRY(ARENA_NEW(p->arena, s.done, list->count));
    TRY(path_format(s.path, "%s/" TAKEN_NAME, p->request->out));
    TRY(file_lock_open(s.path, &s.lock));
    sigmoe_status status = go_on_until_done(&s);
    close(s.lock);
    return status;
}
