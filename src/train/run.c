#include "train/run.h"

#include "base/progress.h"
#include "config/model_directory.h"
#include "config/train_settings.h"
#include "system/place.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/learning_note.h"
#include "train/loop.h"
#include "train/trainer.h"

#include <stdio.h>

static sigmoe_status check_request(const sigmoe_train_request *r) {
    if (!r->out) return fail(SIGMOE_BAD_ARGUMENT, "a directory for the run is needed");
    if (r->resume && (r->config || r->init || r->override_count || r->force))
        return fail(SIGMOE_BAD_ARGUMENT, "a resumed run keeps its own model and settings: name neither a "
                                         "configuration, a model, nor overrides");
    if (r->resume) return SIGMOE_OK;
    if (!r->config == !r->init)
        return fail(
            SIGMOE_BAD_ARGUMENT, "training starts from a configuration or from a model directory: name one");
    if (!r->data) return fail(SIGMOE_BAD_ARGUMENT, "training needs a prepared data directory");
    if (r->unroll < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "unroll is %lld; it must be 1 or more", (long long)r->unroll);
    TRY(checkpoint_seconds_check(r->checkpoint_seconds));
    return train_settings_check(&r->settings);
}

static int threads_of(const sigmoe_observer *observer) {
    return observer ? observer->threads : 0;
}

// Replacing `out` must not remove an input.
static sigmoe_status keep_inputs(const sigmoe_train_request *r, const char *init) {
    static const char choice[] = "directory for the run";
    TRY(output_spares(r->out, r->data, "the data", choice));
    TRY(output_spares(r->out, r->init ? init : NULL, "the model", choice));
    return output_spares(r->out, path_of_file(r->config_name), "the configuration", choice);
}

static sigmoe_status build_config(const sigmoe_train_request *r, const char *init, sigmoe_config *config) {
    if (r->config) {
        *config = config_copy(r->config);
    } else {
        char path[PATH_CAPACITY];
        TRY(path_format(path, "%s/config.json", init));
        TRY(config_read(path, config));
    }
    for (int i = 0; i < r->override_count; i++) TRY(config_override(config, r->overrides[i]));
    if (r->unroll) config->model.unroll = r->unroll;
    return model_config_check(&config->model);
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

// Once it has its first checkpoint, the new run can be resumed; only then is what it replaces removed.
static sigmoe_status take_place(
    const sigmoe_train_request *r, const sigmoe_observer *observer, trainer *t, int *lock) {
    taken_place p;
    TRY(place_take(&p, r->out, OUTPUT_RUN, r->force, observer));
    sigmoe_status status = trainer_begin_run(t, r->out);
    if (status == SIGMOE_OK) status = checkpoint_write(t);
    TRY(place_settle(&p, status));
    *lock = p.lock;
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
    TRY(build_config(r, init, &config));
    TRY(dataset_open(r->data, &data));
    TRY(keep_inputs(r, init));
    TRY(plan_validations(&data, config.model.unroll, observer, &settings));
    TRY(output_check(r->out, r->force));
    if (r->init) TRY(model_check_weights(init, &config.model));

    trainer *t;
    trainer_request request = {.config = &config,
        .data = &data,
        .settings = &settings,
        .checkpoint_seconds = r->checkpoint_seconds,
        .threads = threads_of(observer)};
    TRY(trainer_create(&request, &t));
    sigmoe_status status = r->init ? trainer_load(t, init) : SIGMOE_OK;
    if (status == SIGMOE_OK) status = take_place(r, observer, t, lock);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

static sigmoe_status resume(
    const sigmoe_train_request *r, const sigmoe_observer *observer, int *lock, trainer **out) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/train.json", r->out));
    if (path_exists(path) || output_unsettled(r->out)) // else it is no run, and gets no file
        TRY(place_lock(r->out, OUTPUT_RUN, observer, lock));
    return trainer_resume(r->out, r->data, threads_of(observer), out);
}

// The run's directory stays locked while *lock is open.
static sigmoe_status train(const sigmoe_train_request *request, const sigmoe_observer *observer, int *lock,
    sigmoe_train_result *result) {
    trainer *t;
    if (request->resume)
        TRY(resume(request, observer, lock, &t));
    else
        TRY(start_fresh(request, observer, lock, &t));
    trainer_recompute(t, request->recompute);
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
    TRY(check_request(request));
    TRY(path_of_output(out, request->out));
    r.out = out;
    sigmoe_status status = train(&r, observer, &lock, result);
    place_unlock(lock);
    return status;
}
