#include "compare/execution.h"

#include "base/observer.h"
#include "base/progress.h"
#include "compare/eta.h"
#include "compare/jobs.h"
#include "compare/ngram_scores.h"
#include "train/learning_note.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef struct execution {
    const comparison_plan *plan;
    comparison_result *result;
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

static sigmoe_status run_one(void *context, int run, const sigmoe_observer *observer) {
    execution *e = context;
    const comparison_plan *p = e->plan;
    char directory[PATH_CAPACITY];
    sigmoe_train_settings settings = p->request->settings;
    int variant = p->runs[run].variant, seed = p->runs[run].seed;
    const compared_variant *v = &p->variants[variant];
    int index = variant * p->seed_count + seed;
    settings.seed = plan_seed(p, seed);
    TRY(plan_run_path(p, variant, seed, directory));
    const char *task = arena_text(
        p->arena, "%s, seed %" PRIu64 " (run %d of %d)", v->label, settings.seed, run + 1, p->run_count);
    if (!task) return SIGMOE_NO_MEMORY;
    bool finished = compare_run_finished(directory);
    quiet_observer quiet;
    run_request request = {.directory = directory,
        .task = task,
        .config = &v->config,
        .data = &p->data,
        .settings = &settings,
        .test_tokens = p->request->test_tokens,
        .checkpoint_seconds = p->request->checkpoint_seconds,
        .observer = make_quiet(&quiet, e, observer, variant, path_exists(directory), task)};
    run_result *result = &e->result->runs[index];
    TRY(compare_run(&request, p->arena, result));
    if (!finished) eta_end(&e->eta, variant);
    note_result(p, observer, task, result);
    return run_curve_read(
        directory, settings.batch * v->config.model.unroll, p->arena, &e->result->curves[index]);
}

static sigmoe_status run_in_turn(execution *e, const sigmoe_observer *observer) {
    for (int run = 0; run < e->plan->run_count; run++) {
        if (observer_stops(observer)) return fail(SIGMOE_INTERRUPTED, "stopped; `resume` goes on from here");
        TRY(run_one(e, run, observer));
    }
    return SIGMOE_OK;
}

// The results of runs trained by several processes are then read one by one, silently: those processes have already reported
// them.
static sigmoe_status run_all(execution *e, int jobs, const sigmoe_observer *observer) {
    if (jobs == 1) return run_in_turn(e, observer);
    TRY(run_in_processes(e->plan, jobs, observer, &e->eta, run_one, e));
    return run_in_turn(e, NULL);
}

sigmoe_status comparison_carry_out(
    const comparison_plan *p, int jobs, const sigmoe_observer *observer, comparison_result *out) {
    execution e = {.plan = p, .result = out};
    *out = (comparison_result){.plan = p, .arena = p->arena, .threads = observer ? observer->threads : 0};
    int64_t count = (int64_t)p->variant_count * p->seed_count;
    TRY(ARENA_NEW(p->arena, out->runs, count));
    TRY(ARENA_NEW(p->arena, out->curves, count));
    for (int i = 0; i < p->variant_count; i++)
        note_unlearned(&p->variants[i].config.model, p->variants[i].label, observer);
    TRY(ngram_score_data(p, observer, &out->ngram));
    TRY(eta_begin(&e.eta, p));
    return run_all(&e, jobs, observer);
}
