#include "train/run.h"

#include "base/progress.h"
#include "config/model_directory.h"
#include "config/train_settings.h"
#include "system/place.h"
#include "train/banner.h"
#include "train/checkpoint.h"
#include "train/checkpoint_write.h"
#include "train/evaluate.h"
#include "train/learning_note.h"
#include "train/loop.h"
#include "train/request.h"
#include "train/trainer.h"
#include "train/training_memory.h"

#include <stdio.h>

static int threads_of(const sigmoe_observer *observer) {
    return observer ? observer->threads : 0;
}

static step_shape shape_of(const sigmoe_train_request *r) {
    return (step_shape){r->recompute, r->accumulate};
}

// Replacing `out` must not remove an input.
static sigmoe_status keep_inputs(const sigmoe_train_request *r, const char *init) {
    static const char choice[] = "directory for the run";
    TRY(output_spares(r->out, r->data, "the data", choice));
    TRY(output_spares(r->out, r->init ? init : NULL, "the model", choice));
    return output_spares(r->out, path_of_file(r->config_name), "the configuration", choice);
}

// Validations that were not requested are omitted if the data have no text for them.
static sigmoe_status plan_validations(
    const dataset *data, int64_t unroll, const sigmoe_observer *observer, sigmoe_train_settings *settings) {
    token_split *valid;
    bool asked = settings->valid_every > 0 || settings->valid_tokens > 0;
    if (settings->valid_every == 0) return SIGMOE_OK;
    sigmoe_status status = scoring_check(data, "valid", "valid_tokens", settings->valid_tokens);
    if (status == SIGMOE_OK) status = dataset_open_split(data, "valid", &valid);
    if (status == SIGMOE_OK) {
        train_settings_plan_validations(settings, unroll, token_split_count(valid));
        token_split_close(valid);
    }
    if (status == SIGMOE_OK || asked || status == SIGMOE_NO_MEMORY) return status;
    settings->valid_every = 0;
    progress_note(observer, "no validations: %s", sigmoe_message());
    return SIGMOE_OK;
}

// What happens at validations needs some.
static sigmoe_status check_validations(const sigmoe_train_request *r, const sigmoe_train_settings *settings) {
    if (settings->valid_every != 0) return SIGMOE_OK;
    if (r->sample_prompt)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`sample_prompt` is continued at each validation, and this run has none: see `valid_every`");
    if (r->keep_best)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`keep_best` keeps the checkpoint of the best validation, and this run has none: see "
            "`valid_every`");
    return SIGMOE_OK;
}

// Once it has its first checkpoint, the new run can be resumed; only then is what it replaces removed.
static sigmoe_status take_place(
    const sigmoe_train_request *r, const sigmoe_observer *observer, trainer *t, int *lock) {
    taken_place p;
    TRY(place_take(&p, r->out, OUTPUT_RUN, r->force, observer));
    sigmoe_status status = trainer_begin_run(t, r->out);
    if (status == SIGMOE_OK) status = checkpoint_write(t);
    TRY(place_settle(&p, status));
    *lock = p.lock;
    trainer_guard(t, p.lock);
    return SIGMOE_OK;
}

// Finds every error before an existing `out` is replaced.
static sigmoe_status start_fresh(
    const sigmoe_train_request *r, const sigmoe_observer *observer, int *lock, trainer **out) {
    char init[PATH_CAPACITY] = "";
    sigmoe_config config;
    sigmoe_train_settings settings = r->settings;
    dataset data;
    if (r->init) TRY(model_locate(r->init, init));
    TRY(train_request_config(r, init, &config));
    TRY(dataset_open(r->data, &data));
    if (r->verify) TRY(dataset_verify(&data, observer));
    TRY(keep_inputs(r, init));
    TRY(plan_validations(&data, config.model.unroll, observer, &settings));
    TRY(check_validations(r, &settings));
    TRY(output_check(r->out, r->force));
    if (r->init) TRY(model_check_weights(init, &config.model));
    TRY(training_memory_check(&config, &settings, shape_of(r)));

    trainer *t;
    trainer_request request = {.config = &config,
        .data = &data,
        .settings = &settings,
        .checkpoint_seconds = r->checkpoint_seconds,
        .keep = {r->keep, r->keep_every, r->keep_best},
        .accumulate = r->accumulate,
        .threads = threads_of(observer),
        .watching = {r->sample_prompt, r->tensorboard, r->on_nonfinite}};
    TRY(trainer_create(&request, &t));
    sigmoe_status status = r->init ? trainer_load(t, init) : SIGMOE_OK;
    if (status == SIGMOE_OK) status = take_place(r, observer, t, lock);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

static sigmoe_status continue_run(const sigmoe_train_request *r, const sigmoe_observer *observer, arena *a,
    sigmoe_train_settings *before, trainer **out) {
    run_state *state;
    TRY(run_state_read(r->out, r->data, observer, a, &state));
    if (r->verify) TRY(dataset_verify(&state->data, observer));
    *before = state->settings;
    TRY(train_request_resume(r, state));
    TRY(check_validations(r, &state->settings));
    TRY(training_memory_check(&state->config, &state->settings, shape_of(r)));
    state->accumulate = r->accumulate;
    return trainer_continue(state, threads_of(observer), out);
}

// *before: the run's settings until now.
static sigmoe_status resume(const sigmoe_train_request *r, const sigmoe_observer *observer, int *lock,
    sigmoe_train_settings *before, trainer **out) {
    char path[PATH_CAPACITY];
    arena *a;
    TRY(path_format(path, "%s/train.json", r->out));
    if (path_exists(path) || output_unsettled(r->out)) // else it is no run, and gets no file
        TRY(place_lock(r->out, OUTPUT_RUN, observer, lock));
    TRY(arena_create("run to resume", &a));
    sigmoe_status status = continue_run(r, observer, a, before, out);
    arena_destroy(a);
    if (status == SIGMOE_OK) trainer_guard(*out, *lock);
    return status;
}

// The run's directory stays locked while *lock is open.
static sigmoe_status train(const sigmoe_train_request *request, const sigmoe_observer *observer, int *lock,
    sigmoe_train_result *result) {
    trainer *t;
    sigmoe_train_settings before;
    if (request->resume)
        TRY(resume(request, observer, lock, &before, &t));
    else
        TRY(start_fresh(request, observer, lock, &t));
    trainer_recompute(t, request->recompute);
    banner_train(t, observer);
    if (request->resume) banner_resume(t, &before, observer);
    note_unlearned(&trainer_config(t)->model, NULL, observer);
    sigmoe_status status = trainer_run(t, "train", observer, result);
    trainer_destroy(t);
    return status;
}

sigmoe_status run_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result) {
    int lock = -1;
    char out[PATH_CAPACITY];
    sigmoe_train_request r = *request;
    TRY(train_request_check(request));
    TRY(path_of_output(out, request->out));
    r.out = out;
    sigmoe_status status = train(&r, observer, &lock, result);
    place_unlock(lock);
    return status;
}
