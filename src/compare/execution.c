#include "compare/execution.h"

#include "base/observer.h"
#include "base/progress.h"
#include "compare/eta.h"
#include "compare/jobs.h"
#include "compare/ngram_scores.h"
#include "compare/ranks.h"
#include "train/training_memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef struct execution {
    const comparison_plan *plan;
    comparison_result *result;
    const execution_watcher *watcher;
    int *left; // [left_count] the runs that were not finished at the start, in the plan's order
    int left_count;
    bool no_samples; // finished runs get none that they lack
    eta eta;
} execution;

// Passes on only a run's own progress, not that of its validations, with the time left for all runs; shows the result as a line
// when the run is done.
typedef struct quiet_observer {
    sigmoe_observer passed; // the observer that the run gets
    const sigmoe_observer *listener;
    const char *task;
    eta *eta;
    int variant;
    bool resumed;
    double before; // part of the run that was done when it was resumed; NaN: not reported yet
} quiet_observer;

static void pass_progress(void *context, const sigmoe_progress *progress) {
    quiet_observer *quiet = context;
    double part = progress->done / progress->total;
    if (progress->task != quiet->task) return;
    if (isnan(quiet->before)) {
        quiet->before = quiet->resumed ? part : 0;
        eta_skip(quiet->eta, quiet->variant, quiet->before);
    }
    sigmoe_progress all = *progress;
    all.all_seconds_left =
        eta_seconds_left(quiet->eta, (part - quiet->before) * eta_work(quiet->eta, quiet->variant));
    if (quiet->listener->progress) quiet->listener->progress(quiet->listener->context, &all);
}

// NULL stays NULL.
static const sigmoe_observer *make_quiet(quiet_observer *quiet, execution *e, const sigmoe_observer *listener,
    int variant, bool resumed, const char *task) {
    if (!listener) return NULL;
    *quiet = (quiet_observer){.listener = listener,
        .task = task,
        .eta = &e->eta,
        .variant = variant,
        .resumed = resumed,
        .before = NAN};
    quiet->passed = (sigmoe_observer){.progress = pass_progress,
        .context = quiet,
        .stop = listener->stop,
        .save = listener->save,
        .threads = listener->threads};
    return &quiet->passed;
}

static void note_result(
    const comparison_plan *p, const sigmoe_observer *observer, const char *task, const run_result *r) {
    char cost[64] = "nothing was trained";
    if (r->steps > 0)
        snprintf(cost, sizeof cost, "%.0f s, %.0f tokens/s", r->seconds, r->tokens_per_second.median);
    if (r->failure)
        progress_note(observer, "%s: %s", task, r->failure);
    else
        progress_note(observer, "%s: valid %.4f, test %.4f %s; %s", task, plan_score(p, &r->valid),
            plan_score(p, &r->test), plan_unit(p), cost);
}

// "topk, rate 0.001, seed 1 (run 2 of 9)"
static const char *task_of(const comparison_plan *p, int run, const sigmoe_train_settings *settings) {
    char rate[40] = "";
    if (p->request->lr_count > 0) snprintf(rate, sizeof rate, "rate %g, ", settings->lr);
    return arena_text(p->arena, "%s, %sseed %" PRIu64 " (run %d of %d)",
        p->variants[p->runs[run].variant].label, rate, settings->seed, run + 1, p->run_count);
}

static sigmoe_status path_of_run(const comparison_plan *p, int run, char directory[PATH_CAPACITY]) {
    return plan_run_path(p, p->runs[run].variant, p->runs[run].seed, directory);
}

// Where an earlier command, or another process, has left a result.
static bool is_finished(void *context, int run) {
    const comparison_plan *p = ((execution *)context)->plan;
    char directory[PATH_CAPACITY];
    return path_of_run(p, run, directory) == SIGMOE_OK &&
           compare_run_finished(directory, p->request->settings.steps);
}

static sigmoe_status run_one(void *context, int run, const sigmoe_observer *observer) {
    execution *e = context;
    const comparison_plan *p = e->plan;
    char directory[PATH_CAPACITY];
    sigmoe_train_settings settings = p->request->settings;
    int variant = p->runs[run].variant, seed = p->runs[run].seed;
    const compared_variant *v = &p->variants[variant];
    int index = variant * p->seed_count + seed;
    settings.seed = plan_seed(p, seed);
    settings.lr = v->lr;
    TRY(path_of_run(p, run, directory));
    const char *task = task_of(p, run, &settings);
    if (!task) return SIGMOE_NO_MEMORY;
    bool finished = compare_run_finished(directory, p->request->settings.steps);
    quiet_observer quiet;
    run_request request = {.directory = directory,
        .task = task,
        .config = &v->config,
        .data = &p->data,
        .settings = &settings,
        .test_tokens = p->request->test_tokens,
        .checkpoint_seconds = p->request->checkpoint_seconds,
        .on_nonfinite = p->request->on_nonfinite,
        .sample_prompt = finished && e->no_samples ? NULL : p->sample_prompt,
        .observer = make_quiet(&quiet, e, observer, variant, path_exists(directory), task),
        .link = finished ? NULL : p->group};
    run_result result;
    TRY(compare_run(&request, p->arena, &result));
    if (!finished) eta_end(&e->eta, variant);
    note_result(p, observer, task, &result);
    TRY(run_curve_read(
        directory, settings.batch * v->config.model.unroll, p->arena, &e->result->curves[index]));
    result.pending = false;
    e->result->runs[index] = result;
    return SIGMOE_OK;
}

static void tell_watcher(const execution *e, int run) {
    if (e->watcher) e->watcher->changed(e->watcher->context, e->result, run);
}

// Reads the runs that earlier commands finished, and lists the others.
static sigmoe_status read_finished(execution *e, const sigmoe_observer *observer) {
    const comparison_plan *p = e->plan;
    char directory[PATH_CAPACITY];
    TRY(ARENA_NEW(p->arena, e->left, p->run_count));
    for (int run = 0; run < p->run_count; run++) {
        TRY(path_of_run(p, run, directory));
        if (compare_run_finished(directory, p->request->settings.steps))
            TRY(run_one(e, run, observer));
        else
            e->left[e->left_count++] = run;
    }
    tell_watcher(e, -1);
    return SIGMOE_OK;
}

static sigmoe_status run_in_turn(execution *e, const sigmoe_observer *observer) {
    for (int i = 0; i < e->left_count; i++) {
        if (observer_stops(observer)) return fail(SIGMOE_INTERRUPTED, "stopped; `resume` goes on from here");
        TRY(run_one(e, e->left[i], observer));
        tell_watcher(e, e->left[i]);
    }
    return SIGMOE_OK;
}

// A run that another process trained is read here, silently: that process has reported it.
static sigmoe_status take_result(void *context, int run) {
    execution *e = context;
    TRY(run_one(e, run, NULL));
    tell_watcher(e, run);
    return SIGMOE_OK;
}

static sigmoe_status await(void *context, int run) {
    const comparison_plan *p = ((execution *)context)->plan;
    char directory[PATH_CAPACITY];
    TRY(path_of_run(p, run, directory));
    return compare_run_await(directory, p->request->settings.steps, p->link);
}

static sigmoe_status run_all(execution *e, int jobs, const sigmoe_observer *observer) {
    const job_list list = {
        e->plan, &e->eta, e->left, e->left_count, run_one, take_result, is_finished, await, e};
    if (e->plan->link) return run_over_ranks(&list, observer);
    return jobs == 1 ? run_in_turn(e, observer) : run_in_processes(&list, jobs, observer);
}

sigmoe_status comparison_check_memory(const comparison_plan *p, int jobs) {
    for (int i = 0; i < p->variant_count; i++) {
        const compared_variant *v = &p->variants[i];
        sigmoe_status status = runs_memory_check(
            &v->config, &p->request->settings, jobs * ranks_on_host(p->link), communicator_ranks(p->group));
        if (status != SIGMOE_OK) return fail_in(status, "%s", v->label);
    }
    return SIGMOE_OK;
}

// All runs pending.
static sigmoe_status prepare_result(const comparison_plan *p, comparison_result *out) {
    int64_t count = (int64_t)p->variant_count * p->seed_count;
    TRY(ARENA_NEW(p->arena, out->runs, count));
    TRY(ARENA_NEW(p->arena, out->curves, count));
    for (int64_t i = 0; i < count; i++) out->runs[i] = run_result_unknown;
    return SIGMOE_OK;
}

// Rank 0 writes the scores, which the others then read.
static sigmoe_status score_ngram(
    const comparison_plan *p, const sigmoe_observer *observer, comparison_result *out) {
    if (plan_leads(p)) TRY(ngram_score_data(p, observer, &out->ngram));
    TRY(communicator_meet(p->link));
    return plan_leads(p) ? SIGMOE_OK : ngram_score_data(p, observer, &out->ngram);
}

sigmoe_status comparison_carry_out(const comparison_plan *p, int jobs, const sigmoe_observer *observer,
    const execution_watcher *watcher, comparison_result *out) {
    execution e = {.plan = p, .result = out, .watcher = watcher, .no_samples = !plan_leads(p)};
    *out = (comparison_result){.plan = p, .arena = p->arena, .threads = observer ? observer->threads : 0};
    TRY(prepare_result(p, out));
    TRY(score_ngram(p, observer, out));
    TRY(eta_begin(&e.eta, p));
    TRY(read_finished(&e, observer));
    return run_all(&e, jobs, observer);
}

sigmoe_status comparison_recall(const comparison_plan *p, comparison_result *out) {
    char path[PATH_CAPACITY];
    execution e = {.plan = p, .result = out, .no_samples = true};
    *out = (comparison_result){.plan = p, .arena = p->arena};
    TRY(prepare_result(p, out));
    TRY(path_format(path, "%s/ngram.json", p->request->out));
    if (path_exists(path)) TRY(ngram_score_data(p, NULL, &out->ngram));
    TRY(eta_begin(&e.eta, p));
    return read_finished(&e, NULL);
}
