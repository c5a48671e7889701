#include "compare/run.h"

#include "base/clock.h"
#include "compare/curves.h"
#include "config/model_directory.h"
#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "system/place.h"
#include "train/checkpoint.h"
#include "train/loop.h"
#include "train/resume.h"
#include "train/train_json.h"
#include "train/validate.h"

#include <math.h>
#include <string.h>
#include <time.h>

// ---------------------------------------------------------------- existing runs

// The data determine it.
static void leave_out_tokenizer(const sigmoe_config *config, json_t *object) {
    (void)config;
    json_object_del(object, "tokenizer");
}

static sigmoe_status is_another(const run_request *r, const char *what) {
    return fail(SIGMOE_BAD_FORMAT,
        "%s was trained with %s than the comparison asks for; remove it to have it trained again",
        r->directory, what);
}

static sigmoe_status check_settings(const run_request *r) {
    char path[PATH_CAPACITY], what[64];
    sigmoe_train_settings settings;
    dataset data;
    bool changed;
    TRY(path_format(path, "%s/train.json", r->directory));
    if (!path_exists(path)) return SIGMOE_OK; // a finished run does not need it
    TRY(train_json_read(r->directory, r->data->directory, &settings, NULL, &data));
    const char *name = train_settings_difference(&settings, r->settings);
    snprintf(what, sizeof what, "another value of %s", name ? name : "");
    if (name) return is_another(r, what);
    TRY(train_json_is_changed(r->directory, &changed)); // somebody resumed it as a training of its own
    return changed ? is_another(r, "other settings at first") : SIGMOE_OK;
}

static sigmoe_status check_model(const run_request *r, const sigmoe_config *config) {
    return config_equal(config, r->config, leave_out_tokenizer) ? SIGMOE_OK : is_another(r, "another model");
}

// The comparison's record describes its runs, but may have been changed since they started.
static sigmoe_status check_result(const run_request *r) {
    char checkpoint[PATH_CAPACITY];
    sigmoe_config config;
    bool found;
    TRY(check_settings(r));
    TRY(checkpoint_find(r->directory, checkpoint, &found));
    if (!found) return SIGMOE_OK;
    TRY(model_read_config(checkpoint, &config));
    return check_model(r, &config);
}

// ---------------------------------------------------------------- the run

// The steps for which the run in the directory is, or was to be, trained; -1: unknown.
static int64_t steps_of(const char *directory) {
    json_t *root, *settings;
    int64_t steps = -1;
    if (train_json_open(directory, &root) != SIGMOE_OK) return -1;
    if (json_get_object(root, "", "settings", &settings) == SIGMOE_OK)
        (void)json_get_integer(settings, "settings.", "steps", 0, &steps);
    json_decref(root);
    return steps;
}

// A schedule is drawn over all steps: what was trained for fewer, or for more, is of no use.
static bool is_outdated(const char *directory, int64_t steps) {
    int64_t own = steps_of(directory);
    return own >= 0 && own != steps;
}

// Of processes that train the run together, the one that writes.
static bool leads(const run_request *r) {
    return communicator_leads(r->link);
}

// Interrupted before its first checkpoint: there is nothing to resume.
static sigmoe_status take_place(const run_request *r, trainer *t, int *lock) {
    taken_place p;
    TRY(place_take(&p, r->directory, OUTPUT_RUN, true, r->observer));
    TRY(place_settle(&p, trainer_begin_run(t, r->directory)));
    *lock = p.lock;
    trainer_guard(t, p.lock);
    return SIGMOE_OK;
}

static sigmoe_status start_fresh(const run_request *r, int *lock, trainer **out) {
    trainer *t;
    trainer_request request = {.config = r->config,
        .data = r->data,
        .settings = r->settings,
        .checkpoint_seconds = r->checkpoint_seconds,
        .link = r->link,
        .threads = r->observer ? r->observer->threads : 0,
        .watching = {.on_nonfinite = r->on_nonfinite}};
    TRY(trainer_create(&request, &t));
    sigmoe_status status = trainer_compare(t);
    if (status == SIGMOE_OK) status = leads(r) ? take_place(r, t, lock) : trainer_follow_run(t, r->directory);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

static sigmoe_status continue_run(const run_request *r, arena *a, trainer **out) {
    run_state *state;
    TRY(run_state_read(r->directory, r->data->directory, r->observer, a, &state));
    TRY(check_model(r, &state->config));
    state->link = r->link;
    return trainer_continue(state, r->observer ? r->observer->threads : 0, out);
}

static sigmoe_status go_on(const run_request *r, int *lock, trainer **out) {
    arena *a;
    if (leads(r)) TRY(place_lock(r->directory, OUTPUT_RUN, r->observer, lock));
    TRY(communicator_meet(r->link)); // the others read when nobody else writes
    TRY(check_settings(r));
    TRY(arena_create("run to resume", &a));
    sigmoe_status status = continue_run(r, a, out);
    arena_destroy(a);
    if (status == SIGMOE_OK) trainer_guard(*out, *lock);
    return status;
}

// No other command can train in the run's directory while *lock is open.
static sigmoe_status open_trainer(const run_request *r, int *lock, trainer **out) {
    char newest[PATH_CAPACITY];
    bool found;
    TRY(checkpoint_find(r->directory, newest, &found));
    found = found && !is_outdated(r->directory, r->settings->steps);
    TRY(communicator_share(r->link, &found, sizeof found));
    return found ? go_on(r, lock, out) : start_fresh(r, lock, out);
}

static sigmoe_status take_sample(const run_request *r, trainer *t, arena *a, run_result *result) {
    TRY(trainer_sample(t, r->sample_prompt, a, &result->sample));
    result->sample_prompt = r->sample_prompt;
    return SIGMOE_OK;
}

static sigmoe_status train_and_score(const run_request *r, trainer *t, arena *a, run_result *result) {
    sigmoe_status status = trainer_run(t, r->task, r->observer, NULL);
    result->steps = trainer_steps_done(t);
    if (status == SIGMOE_OK)
        status = trainer_score(t, "valid", SCORE_STREAMS, r->test_tokens, r->observer, &result->valid);
    if (status == SIGMOE_OK)
        status = trainer_score(t, "test", SCORE_STREAMS, r->test_tokens, r->observer, &result->test);
    if (status == SIGMOE_OK && r->sample_prompt && leads(r)) status = take_sample(r, t, a, result);
    if (status != SIGMOE_NOT_FINITE) return status;
    result->valid = run_result_unknown.valid;
    result->test = run_result_unknown.test;
    result->failure = arena_text(a, "%s", sigmoe_message());
    return result->failure ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static quartiles rate_of(run_curve *curve) {
    int known = 0;
    for (int64_t i = 0; i < curve->steps; i++)
        if (isfinite(curve->rate[i])) curve->rate[known++] = curve->rate[i];
    return quartiles_of(curve->rate, known);
}

static sigmoe_status measure(const run_request *r, const trainer_costs *costs, arena *a, run_result *result) {
    run_curve curve;
    arena_mark mark = arena_here(a);
    int64_t step_tokens = r->settings->batch * r->config->model.unroll;
    TRY(run_curve_read(r->directory, step_tokens, a, &curve));
    result->seconds = curve.steps > 0 ? curve.seconds[curve.steps - 1] : 0;
    result->tokens_per_second = rate_of(&curve);
    arena_release(a, mark);
    result->feedforward_seconds = step_samples_quartiles(&costs->feedforward_times);
    result->peak_activation_bytes = costs->steps > 0 ? costs->peak_activation_bytes : NAN;
    return SIGMOE_OK;
}

static void add_costs(trainer_costs *before, const trainer_costs *after) {
    before->steps += after->steps;
    before->seconds += after->seconds;
    before->feedforward_seconds += after->feedforward_seconds;
    step_samples_join(&before->feedforward_times, &after->feedforward_times);
    before->peak_activation_bytes = fmax(before->peak_activation_bytes, after->peak_activation_bytes);
}

static sigmoe_status finish(
    const run_request *r, trainer *t, const char *costs_path, arena *a, run_result *result) {
    trainer_costs *costs; // too large for a stack frame
    TRY(ARENA_NEW(a, costs, 1));
    TRY(run_costs_read(costs_path, costs));
    sigmoe_status status = train_and_score(r, t, a, result);
    add_costs(costs, trainer_costs_so_far(t));
    if (status == SIGMOE_INTERRUPTED) {
        if (leads(r)) TRY(run_costs_write(costs_path, costs));
        return fail(status, "stopped at %s after %lld of %lld step%s; `resume` goes on from here", r->task,
            (long long)trainer_steps_done(t), (long long)r->settings->steps, plural(r->settings->steps));
    }
    TRY(status);
    return leads(r) ? measure(r, costs, a, result) : SIGMOE_OK;
}

static sigmoe_status result_path_of(const char *directory, char path[PATH_CAPACITY]) {
    return path_format(path, "%s/result.json", directory);
}

bool compare_run_finished(const char *directory, int64_t steps) {
    char path[PATH_CAPACITY];
    return result_path_of(directory, path) == SIGMOE_OK && path_exists(path) &&
           !is_outdated(directory, steps);
}

sigmoe_status compare_run_await(const char *directory, int64_t steps, communicator *link) {
    static const struct timespec A_WHILE = {.tv_nsec = 50 * 1000 * 1000};
    const double LONGEST = 120; // seconds; file systems hold what they know for up to one minute
    double start = seconds_now();
    while (!compare_run_finished(directory, steps)) {
        TRY(communicator_listen(link));
        if (seconds_now() - start > LONGEST)
            return fail(SIGMOE_IO,
                "%s has a result that cannot be seen here: all ranks need the same directory", directory);
        nanosleep(&A_WHILE, NULL);
    }
    return SIGMOE_OK;
}

// All have the result that the first of them has written.
static sigmoe_status settle(const run_request *r, const char *result_path, arena *a, run_result *result) {
    if (leads(r)) TRY(run_result_write(result_path, result));
    TRY(communicator_meet(r->link));
    if (leads(r)) return SIGMOE_OK;
    TRY(compare_run_await(r->directory, r->settings->steps, r->link));
    return run_result_read(result_path, a, result);
}

static bool lacks_sample(const run_request *r, const run_result *result) {
    return r->sample_prompt && !result->failure &&
           (!result->sample || strcmp(result->sample_prompt, r->sample_prompt) != 0);
}

// Of a run that was finished without a sample of this prompt, if its last checkpoint is still there.
static sigmoe_status add_sample(const run_request *r, const char *result_path, arena *a, run_result *result) {
    char newest[PATH_CAPACITY];
    trainer *t;
    bool found;
    int lock = -1;
    TRY(checkpoint_find(r->directory, newest, &found));
    if (!found || checkpoint_step(newest) != result->steps) return SIGMOE_OK;
    sigmoe_status status = go_on(r, &lock, &t);
    if (status == SIGMOE_OK) {
        // Of an earlier step, if the last checkpoint is damaged.
        if (trainer_steps_done(t) == result->steps) status = take_sample(r, t, a, result);
        trainer_destroy(t);
    }
    if (status == SIGMOE_OK) status = run_result_write(result_path, result);
    place_unlock(lock);
    return status;
}

sigmoe_status compare_run(const run_request *r, arena *a, run_result *result) {
    char result_path[PATH_CAPACITY], costs_path[PATH_CAPACITY];
    trainer *t;
    *result = run_result_unknown;
    TRY(result_path_of(r->directory, result_path));
    TRY(path_format(costs_path, "%s/costs.json", r->directory));
    if (compare_run_finished(r->directory, r->settings->steps)) {
        TRY(run_result_read(result_path, a, result));
        TRY(check_result(r));
        return lacks_sample(r, result) ? add_sample(r, result_path, a, result) : SIGMOE_OK;
    }
    int lock = -1;
    sigmoe_status status = open_trainer(r, &lock, &t);
    if (status == SIGMOE_OK) {
        status = finish(r, t, costs_path, a, result);
        trainer_destroy(t);
    }
    if (status == SIGMOE_OK) status = settle(r, result_path, a, result);
    place_unlock(lock);
    return status;
}
