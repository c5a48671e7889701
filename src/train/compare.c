// sigmoe_compare: variants of equal size, trained on the same batches in the same order, side by side.
#include "train/compare.h"

#include "base/kept_text.h"
#include "formats/file.h"
#include "formats/json_options.h"
#include "formats/place.h"
#include "train/compare_ngram.h"
#include "train/compare_table.h"
#include "train/forecast.h"
#include "train/learning_note.h"
#include "train/plot.h"
#include "train/report.h"
#include "train/sweep_jobs.h"
#include "train/train_settings.h"
#include "train/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sigmoe_compare_defaults(const sigmoe_config *base, sigmoe_compare_request *request) {
    enum { VALIDATIONS_WORTH = 4 }; // the final scores stand on more tokens than those on the way
    *request = (sigmoe_compare_request){.base = base, .seeds = 1, .checkpoint_seconds = CHECKPOINT_SECONDS};
    sigmoe_config_settings(base, &request->settings);
    request->test_tokens = VALIDATIONS_WORTH * request->settings.valid_tokens;
}

// ---------------------------------------------------------------- the place

// Replacing the place must not remove what is read from.
static sigmoe_status keep_inputs(const comparison *c) {
    const sigmoe_compare_request *r = c->request;
    const char *source = c->sweep ? c->sweep->name : r->base_name;
    if (path_inside(r->data, r->out))
        return fail(
            SIGMOE_BAD_ARGUMENT, "%s holds the data: choose another place for the comparison", r->out);
    if (file_inside(source, r->out))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s holds %s, which is read: choose another place for the comparison", r->out, source);
    return SIGMOE_OK;
}

static sigmoe_status begin(const comparison *c, const char *path, const json_t *record, int *lock) {
    const sigmoe_compare_request *r = c->request;
    taken_place p;
    if (r->force) TRY(keep_inputs(c));
    TRY(place_take(&p, r->out, OUTPUT_COMPARISON, r->force, c->observer));
    TRY(place_settle(&p, json_write(path, record)));
    *lock = p.lock;
    return SIGMOE_OK;
}

static sigmoe_status check_record(const comparison *c, const char *path, const json_t *record) {
    json_t *before;
    TRY(json_read_object(path, &before));
    sigmoe_status status = comparison_same(c->request->out, before, record);
    json_decref(before);
    return status;
}

// A comparison that was stopped before it could write its record has nothing to go on from and begins.
static sigmoe_status make_or_find(const char *out) {
    bool empty = true;
    if (output_unsettled(out)) return SIGMOE_OK; // what was there comes back
    if (path_exists(out)) TRY(output_is_bare(out, &empty));
    if (!empty) return fail(SIGMOE_BAD_ARGUMENT, "%s is no comparison: it has no compare.json", out);
    return directory_make(out);
}

static sigmoe_status resume(const comparison *c, const char *path, const json_t *record, int *lock) {
    if (!path_exists(path)) TRY(make_or_find(c->request->out));
    TRY(place_lock(c->request->out, OUTPUT_COMPARISON, c->observer, lock));
    return path_exists(path) ? check_record(c, path, record) : json_write(path, record);
}

static sigmoe_status open_place(const comparison *c, int *lock) {
    char path[PATH_CAPACITY];
    json_t *record;
    TRY(path_format(path, "%s/compare.json", c->request->out));
    TRY(comparison_record(c, &record));
    sigmoe_status status = c->request->resume ? resume(c, path, record, lock) : begin(c, path, record, lock);
    json_decref(record);
    return status;
}

// ---------------------------------------------------------------- the runs

// Of a run's progress only its own line is passed on, not that of each validation, with what is left of all runs; what came
// out is a line when it is done.
typedef struct quiet_observer {
    sigmoe_observer passed; // what the run sees
    const sigmoe_observer *listener;
    const char *task;
    comparison *comparison;
    int variant;
    bool resumed;
    double before; // part of the run that was done when it went on; NaN: not heard yet
} quiet_observer;

static void pass_progress(void *context, const sigmoe_progress *progress) {
    quiet_observer *quiet = context;
    double part = progress->done / progress->total;
    if (progress->task != quiet->task || progress->finished) return;
    if (isnan(quiet->before)) {
        quiet->before = quiet->resumed ? part : 0;
        forecast_skip(quiet->comparison, quiet->variant, quiet->before);
    }
    sigmoe_progress all = *progress;
    all.all_seconds_left = forecast_seconds_left(
        quiet->comparison, (part - quiet->before) * forecast_work(quiet->comparison, quiet->variant));
    if (quiet->listener->progress) quiet->listener->progress(quiet->listener->context, &all);
}

// NULL stays NULL.
static const sigmoe_observer *make_quiet(
    quiet_observer *quiet, comparison *c, int variant, bool resumed, const char *task) {
    const sigmoe_observer *listener = c->observer;
    if (!listener) return NULL;
    *quiet = (quiet_observer){.listener = listener,
        .task = task,
        .comparison = c,
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

static void note_result(const comparison *c, const char *task, const run_result *r) {
    char line[512], cost[64] = "nothing was trained";
    if (!c->observer || !c->observer->note) return;
    if (r->steps > 0)
        snprintf(cost, sizeof cost, "%.0f s, %.0f tokens/s", r->seconds, r->tokens_per_second.median);
    if (r->failure)
        snprintf(line, sizeof line, "%s: %s", task, r->failure);
    else
        snprintf(line, sizeof line, "%s: valid %.4f, test %.4f %s; %s", task, comparison_score(c, &r->valid),
            comparison_score(c, &r->test), comparison_unit(c), cost);
    c->observer->note(c->observer->context, line);
}

sigmoe_status comparison_run(comparison *c, int run) {
    char directory[PATH_CAPACITY];
    sigmoe_train_settings settings = c->request->settings;
    int variant = c->runs[run].variant, seed = c->runs[run].seed;
    const compared_variant *v = &c->variants[variant];
    int index = variant * c->seed_count + seed;
    settings.seed = comparison_seed(c, seed);
    TRY(comparison_run_path(c, variant, seed, directory));
    const char *task = arena_text(
        c->arena, "%s, seed %" PRIu64 " (run %d of %d)", v->label, settings.seed, run + 1, c->run_count);
    if (!task) return SIGMOE_NO_MEMORY;
    bool finished = compare_run_finished(directory);
    quiet_observer quiet;
    run_request request = {.directory = directory,
        .task = task,
        .config = &v->config,
        .data = &c->data,
        .settings = &settings,
        .test_tokens = c->request->test_tokens,
        .checkpoint_seconds = c->request->checkpoint_seconds,
        .observer = make_quiet(&quiet, c, variant, path_exists(directory), task)};
    TRY(compare_run(&request, c->arena, &c->results[index]));
    if (!finished) forecast_end(c, variant);
    note_result(c, task, &c->results[index]);
    return run_curve_read(directory, settings.batch * v->config.model.unroll, c->arena, &c->curves[index]);
}

static bool stopped(const sigmoe_observer *observer) {
    return observer && observer->stop && *observer->stop;
}

static sigmoe_status run_in_turn(comparison *c) {
    for (int run = 0; run < c->run_count; run++) {
        if (stopped(c->observer)) return fail(SIGMOE_INTERRUPTED, "stopped; --resume goes on from here");
        TRY(comparison_run(c, run));
    }
    return SIGMOE_OK;
}

// What several processes trained is then read in turn, without a word: they have noted it.
static sigmoe_status run_all(comparison *c) {
    if (c->jobs == 1) return run_in_turn(c);
    TRY(comparison_run_jobs(c));
    const sigmoe_observer *observer = c->observer;
    c->observer = NULL;
    sigmoe_status status = run_in_turn(c);
    c->observer = observer;
    return status;
}

// ---------------------------------------------------------------- all of it

// The place stays locked as long as *lock is open, here or in a run's process.
static sigmoe_status compare(comparison *c, int *lock, char **text) {
    table_row *rows;
    TRY(comparison_plan(c));
    TRY(open_place(c, lock));
    for (int i = 0; i < c->variant_count; i++)
        note_unlearned(&c->variants[i].config.model, c->variants[i].label, c->observer);
    TRY(comparison_ngram(c));
    TRY(forecast_begin(c));
    TRY(run_all(c));
    TRY(table_rows(c, &rows));
    TRY(table_text(c, rows, text));
    sigmoe_status status = table_write(c, rows, *text);
    if (status == SIGMOE_OK) status = report_write(c, rows);
    if (status == SIGMOE_OK) return SIGMOE_OK;
    free(*text);
    *text = NULL;
    return status;
}

static sigmoe_status check_request(const sigmoe_compare_request *r) {
    if (!r->data || !r->out || !r->base || !r->variants)
        return fail(
            SIGMOE_BAD_ARGUMENT, "a comparison needs data, a base, variants and a place for its results");
    return plot_check();
}

sigmoe_status comparison_carry_out(const sigmoe_compare_request *request, const sweep_plan *sweep, int jobs,
    const sigmoe_observer *observer, const char **table) {
    char out[PATH_CAPACITY], *text = NULL;
    TRY(check_request(request));
    TRY(path_of_output(out, request->out));
    sigmoe_compare_request r = *request;
    r.out = out;
    // Without points there is no curve.
    if (r.settings.valid_every == 0 || r.settings.valid_every == -1)
        r.settings.valid_every = train_settings_valid_every(&r.settings);
    comparison c = {.request = &r, .sweep = sweep, .jobs = jobs, .observer = observer};
    int failed = 0, runs = 0;
    TRY(arena_create("comparison", &c.arena));
    int lock = -1;
    sigmoe_status status = compare(&c, &lock, &text);
    if (status == SIGMOE_OK) failed = runs_failed(&c), runs = c.run_count;
    place_unlock(lock);
    arena_destroy(c.arena);
    TRY(hand_out_text(status, text, table));
    if (failed < runs) return SIGMOE_OK;
    return fail(SIGMOE_NOT_FINITE, "%s: %s/table.txt says why",
        runs == 1 ? "the run failed" : "all runs failed", out);
}

sigmoe_status sigmoe_compare(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, const char **table) {
    return comparison_carry_out(request, NULL, 1, observer, table);
}
