#include "api/comparing.h"

#include "base/clock.h"
#include "base/observer.h"
#include "base/progress.h"
#include "compare/comparison_banner.h"
#include "compare/directory.h"
#include "compare/execution.h"
#include "compare/learning_rates.h"
#include "compare/power.h"
#include "compare/record.h"
#include "config/train_settings.h"
#include "plot/gnuplot.h"
#include "report/plan_text.h"
#include "report/report.h"
#include "report/run_page.h"
#include "report/table.h"
#include "report/table_files.h"
#include "system/file.h"
#include "system/place.h"

#include <stdlib.h>

enum { MOST_SEEDS = 1000 };
static const double RANKS_WAIT = 3600; // seconds, for what rank 0 does alone: it counts n-grams and draws
static const double GROUP_WAIT = 600;  // for each other in one training

typedef struct comparison {
    communicator *link,
        *group; // of processes that train its runs, and of those that train one; NULL: this one alone
    comparison_plan plan;
    comparison_result result;
    char *table;
} comparison;

// `state` of a comparison whose planned runs are all trained: REPORT_GROWING, if it goes on with more.
static sigmoe_status report(comparison *c, const variant_summary *summaries, report_state state) {
    TRY(table_text(&c->result, summaries, 0, &c->table));
    TRY(table_write(&c->result, summaries, c->table));
    TRY(run_pages_complete(&c->result));
    TRY(report_write(&c->result, summaries, state));
    int columns = c->plan.request->columns;
    if (columns <= 0) return SIGMOE_OK;
    free(c->table);
    c->table = NULL;
    return table_text(&c->result, summaries, columns, &c->table);
}

static sigmoe_status report_unfinished(const comparison_result *result, report_state state) {
    variant_summary *summaries;
    arena_mark mark = arena_here(result->arena);
    sigmoe_status status = summarize_variants(result, &summaries);
    if (status == SIGMOE_OK) status = report_write(result, summaries, state);
    arena_release(result->arena, mark);
    return status;
}

typedef struct growing_report {
    const sigmoe_observer *observer;
    bool begun;
    double started, spent; // clock time, and seconds of it that reports took
} growing_report;

// Where runs take less time than a report, not after each of them.
static bool is_costly(const growing_report *growing) {
    const double ALLOWED = 20, PART = 0.1; // seconds in any case, and then this part of the time
    return growing->spent > ALLOWED && growing->spent > PART * (seconds_now() - growing->started);
}

// Training goes on even if there is no room for a report now.
static void show_growing(void *context, const comparison_result *result, int run) {
    growing_report *growing = context;
    double begun = seconds_now();
    growing->begun = true;
    if (is_costly(growing)) return;
    sigmoe_status status = run < 0 ? run_pages_complete(result) : run_page_write(result, run);
    if (status == SIGMOE_OK && result_runs_left(result) > 0)
        status = report_unfinished(result, REPORT_GROWING);
    if (status != SIGMOE_OK)
        progress_note(growing->observer, "no report of the runs so far: %s", sigmoe_message());
    growing->spent += seconds_now() - begun;
}

// Whatever ends the execution early, the report must not go on waiting for runs.
static sigmoe_status carry_out(comparison *c, int jobs, const sigmoe_observer *observer) {
    growing_report growing = {.observer = observer, .started = seconds_now()};
    const execution_watcher watcher = {.changed = show_growing, .context = &growing};
    sigmoe_status status =
        comparison_carry_out(&c->plan, jobs, observer, plan_leads(&c->plan) ? &watcher : NULL, &c->result);
    if (status == SIGMOE_OK || !growing.begun) return status;
    kept_failure failure = failure_keep(status);
    report_unfinished(&c->result, REPORT_STOPPED); // if that fails, too, the first failure is what matters
    return failure_again(&failure);
}

// ---------------------------------------------------------------- from plan to judgement

static bool goes_on(const sigmoe_compare_request *r, bool open) {
    return open && r->until_decided && r->seeds < r->max_seeds;
}

// Judges and reports.
static sigmoe_status conclude(comparison *c, bool *open) {
    variant_summary *summaries;
    judgement j;
    TRY(comparison_look(&c->plan));
    free(c->table); // of fewer seeds
    c->table = NULL;
    TRY(summarize_variants(&c->result, &summaries));
    TRY(judge(&c->result, summaries, test_scores, &j));
    *open = open_pairs(&j) > 0;
    return report(c, summaries, goes_on(c->plan.request, *open) ? REPORT_GROWING : REPORT_DONE);
}

// Trains what the plan lacks, and reports; whether a pair of interest is undecided goes into *open.
static sigmoe_status carry_through(comparison *c, int jobs, const sigmoe_observer *observer, bool *open) {
    *open = false;
    TRY(learning_rates_choose(&c->plan, observer));
    TRY(carry_out(c, jobs, observer));
    if (plan_leads(&c->plan)) TRY(conclude(c, open));
    return c->plan.request->until_decided ? communicator_share(c->link, open, sizeof *open) : SIGMOE_OK;
}

static sigmoe_status make_plan(comparison *c, const sigmoe_compare_request *r, const sweep_plan *sweep,
    const sigmoe_observer *observer, arena *a) {
    TRY(plan_comparison(r, sweep, observer, a, &c->plan));
    c->plan.link = c->link;
    c->plan.group = c->group;
    return SIGMOE_OK;
}

// One seed after another, until every pair of interest is decided. Each number of seeds is a plan of its own; what is trained is
// read again.
static sigmoe_status until_decided(
    comparison *c, sigmoe_compare_request *r, const sigmoe_observer *observer, arena *a, bool open) {
    while (goes_on(r, open)) {
        r->seeds++;
        progress_note(observer, "undecided: seed %d of %d at most", r->seeds, r->max_seeds);
        TRY(make_plan(c, r, NULL, observer, a));
        c->plan.sequential = true;
        if (plan_leads(&c->plan)) TRY(comparison_renew(&c->plan, observer));
        TRY(carry_through(c, 1, observer, &open));
    }
    return SIGMOE_OK;
}

// Rank 0 makes or finds the directory, which the others then use.
static sigmoe_status open_directory(comparison *c, const sigmoe_observer *observer, int *lock) {
    if (plan_leads(&c->plan)) TRY(comparison_open(&c->plan, observer, lock));
    TRY(communicator_meet(c->link));
    return plan_leads(&c->plan) ? SIGMOE_OK : comparison_check(&c->plan);
}

// The output directory stays locked while *lock is open, here or in a run's process.
static sigmoe_status compare(comparison *c, sigmoe_compare_request *r, const sweep_plan *sweep, int jobs,
    const sigmoe_observer *observer, arena *a, int *lock) {
    bool open;
    TRY(make_plan(c, r, sweep, observer, a));
    c->plan.sequential = r->until_decided;
    TRY(comparison_check_memory(&c->plan, jobs));
    TRY(open_directory(c, observer, lock));
    TRY(comparison_banner(&c->plan, jobs, observer));
    TRY(carry_through(c, jobs, observer, &open));
    return until_decided(c, r, observer, a, open);
}

// ---------------------------------------------------------------- requests

static sigmoe_status check_request(const sigmoe_compare_request *r) {
    if (!r->out) return fail(SIGMOE_BAD_ARGUMENT, "a comparison needs a place for its results");
    if (r->add_variants && !r->resume)
        return fail(SIGMOE_BAD_ARGUMENT, "variants are added to a comparison that is there: with `resume`");
    if (r->until_decided && (r->max_seeds < LEAST_PAIRS || r->max_seeds > MOST_SEEDS))
        return fail(SIGMOE_BAD_ARGUMENT, "`max_seeds` is %d; it must be %d..%d", r->max_seeds, LEAST_PAIRS,
            MOST_SEEDS);
    return SIGMOE_OK;
}

static sigmoe_status check_complete(const sigmoe_compare_request *r) {
    if (r->data && r->base && r->variants) return SIGMOE_OK;
    if (r->resume)
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no comparison to go on with: it has no compare.json", r->out);
    return fail(SIGMOE_BAD_ARGUMENT, "a comparison needs data, a base and variants");
}

// Completes the request in the arena.
static sigmoe_status settle_request(
    const sigmoe_compare_request *request, arena *a, sigmoe_compare_request *out) {
    char place[PATH_CAPACITY];
    sigmoe_compare_request asked = *request;
    TRY(check_request(request));
    TRY(path_of_output(place, request->out));
    asked.out = arena_text(a, "%s", place);
    if (!asked.out) return SIGMOE_NO_MEMORY;
    TRY(record_complete(&asked, a, out));
    TRY(check_complete(out));
    // A spread takes three seeds.
    if (out->until_decided && out->seeds < LEAST_PAIRS) out->seeds = LEAST_PAIRS;
    // Without validations there is no curve.
    if (out->settings.valid_every == 0 || out->settings.valid_every == -1)
        out->settings.valid_every = train_settings_valid_every(&out->settings);
    return SIGMOE_OK;
}

static sigmoe_status verify_data(const sigmoe_compare_request *r, const sigmoe_observer *observer) {
    dataset data;
    if (!r->verify) return SIGMOE_OK;
    TRY(dataset_open(r->data, &data));
    return dataset_verify(&data, observer);
}

static sigmoe_status run_in(arena *a, comparison *c, const sigmoe_compare_request *request,
    const sweep_plan *sweep, int jobs, const sigmoe_observer *observer) {
    int lock = -1;
    sigmoe_compare_request *r;
    TRY(ARENA_NEW(a, r, 1));
    TRY(settle_request(request, a, r));
    TRY(verify_data(r, observer));
    r->figures = plot_ready(request->figures, observer);
    sigmoe_status status = compare(c, r, sweep, jobs, observer, a, &lock);
    place_unlock(lock);
    TRY(status);
    if (result_runs_failed(&c->result) < c->plan.run_count) return SIGMOE_OK;
    return fail(SIGMOE_NOT_FINITE, "%s: %s/table.txt says why",
        c->plan.run_count == 1 ? "the run failed" : "all runs failed", r->out);
}

static sigmoe_status run_alone(comparison *c, const sigmoe_compare_request *request, const sweep_plan *sweep,
    int jobs, const sigmoe_observer *observer, char **table) {
    arena *a;
    TRY(arena_create("comparison", &a));
    sigmoe_status status = run_in(a, c, request, sweep, jobs, observer);
    arena_destroy(a);
    if (status == SIGMOE_OK || status == SIGMOE_NOT_FINITE)
        *table = c->table;
    else
        free(c->table);
    return status;
}

// One that is asked to stop leaves its run to the others.
static sigmoe_status run_together(comparison *c, const sigmoe_compare_request *request,
    const sweep_plan *sweep, const sigmoe_observer *observer, char **table) {
    sigmoe_observer quiet = observer_quiet(observer);
    bool leads = communicator_leads(c->link);
    sigmoe_status status = run_alone(c, request, sweep, 1, leads ? observer : &quiet, table);
    bool agreed = status == SIGMOE_OK || status == SIGMOE_NOT_FINITE || status == SIGMOE_INTERRUPTED;
    return agreed ? status : communicator_fail(c->link, status);
}

static sigmoe_status check_sharing(const communicator *link, int jobs, int each) {
    int ranks = communicator_ranks(link);
    if (each < 0) return fail(SIGMOE_BAD_ARGUMENT, "`ranks_per_run` is %d; it must be 1 or more", each);
    if (jobs > 1 && link)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`jobs` is %d, but a launcher has started %d processes, which train a run each: leave it out",
            jobs, ranks);
    if (each <= 1 || ranks % each == 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "`ranks_per_run` is %d, which does not divide the %d process%s that a launcher has started", each,
        ranks, ranks == 1 ? "" : "es");
}

sigmoe_status comparison_run(const sigmoe_compare_request *request, const sweep_plan *sweep, int jobs,
    const sigmoe_observer *observer, char **table) {
    comparison c = {0};
    int each = request->ranks_per_run;
    TRY(communicator_open(RANKS_WAIT, &c.link));
    TRY(check_sharing(c.link, jobs, each));
    if (!c.link) return run_alone(&c, request, sweep, jobs, observer, table);
    TRY(communicator_part(c.link, each > 1 ? each : 1, GROUP_WAIT, &c.group));
    sigmoe_status status = run_together(&c, request, sweep, observer, table);
    communicator_destroy(c.group);
    return status;
}

// ---------------------------------------------------------------- without training

static sigmoe_status foresee_in(
    arena *a, const sigmoe_compare_request *request, const sigmoe_observer *observer, char **text) {
    sigmoe_compare_request *r;
    comparison *c;
    TRY(ARENA_NEW(a, r, 1));
    TRY(ARENA_NEW(a, c, 1));
    TRY(settle_request(request, a, r));
    TRY(verify_data(r, observer));
    TRY(plan_comparison(r, NULL, observer, a, &c->plan));
    TRY(comparison_check(&c->plan));
    TRY(learning_rates_recall(&c->plan));
    TRY(comparison_recall(&c->plan, &c->result));
    return plan_text(&c->result, text);
}

sigmoe_status comparison_foresee(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **text) {
    arena *a;
    communicator *link;
    TRY(communicator_open(RANKS_WAIT, &link));
    if (communicator_rank(link) > 0) return SIGMOE_OK; // one tells for all
    TRY(arena_create("plan", &a));
    sigmoe_status status = foresee_in(a, request, observer, text);
    arena_destroy(a);
    return status;
}
