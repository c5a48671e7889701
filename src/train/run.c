#include "train/run.h"

#include "base/clock.h"
#include "base/observer.h"
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
#include "train/trainer_file.h"
#include "train/training_memory.h"

#include <stdio.h>

static const double COLLECTIVE_TIMEOUT = 600; // seconds

static int threads_of(const sigmoe_observer *observer) {
    return observer ? observer->threads : 0;
}

// How this process takes part: its observer, and its communicator with the others.
typedef struct participant {
    const sigmoe_observer *observer;
    communicator *link;
    double deadline; // of seconds_now(); 0: none
    int lock;        // the run's directory stays locked while this is open
    bool runs;       // from here on all are asked to stop at the same step
} participant;

static step_shape shape_of(const sigmoe_train_request *r, const participant *p) {
    return (step_shape){
        r->recompute, r->accumulate, communicator_ranks(p->link), r->zero > 0, r->expert_parallel};
}

static team_sharing sharing_of(const sigmoe_train_request *r) {
    return (team_sharing){r->zero, r->wire};
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
static sigmoe_status take_place(const sigmoe_train_request *r, participant *p, trainer *t) {
    taken_place place;
    TRY(place_take(&place, r->out, OUTPUT_RUN, r->force, p->observer));
    sigmoe_status status = trainer_begin_run(t, r->out);
    if (status == SIGMOE_OK) status = checkpoint_write(t);
    TRY(place_settle(&place, status));
    p->lock = place.lock;
    trainer_guard(t, p->lock);
    return SIGMOE_OK;
}

// Takes part in the first checkpoint.
static sigmoe_status follow_run(const sigmoe_train_request *r, trainer *t) {
    TRY(trainer_follow_run(t, r->out));
    return checkpoint_write(t);
}

// What only the process that writes looks at.
static sigmoe_status check_output(const sigmoe_train_request *r, const char *init, const participant *p) {
    if (!communicator_leads(p->link)) return SIGMOE_OK;
    TRY(keep_inputs(r, init));
    return output_check(r->out, r->force);
}

// Finds every error before an existing `out` is replaced.
static sigmoe_status start_fresh(const sigmoe_train_request *r, participant *p, trainer **out) {
    char init[PATH_CAPACITY] = "";
    sigmoe_config config;
    sigmoe_train_settings settings = r->settings;
    dataset data;
    if (r->init) TRY(model_locate(r->init, init));
    TRY(train_request_config(r, init, &config));
    TRY(dataset_open(r->data, &data));
    if (r->verify) TRY(dataset_verify(&data, p->observer));
    TRY(plan_validations(&data, config.model.unroll, p->observer, &settings));
    TRY(check_validations(r, &settings));
    TRY(check_output(r, init, p));
    if (r->init) TRY(model_check_weights(init, &config.model));
    TRY(training_memory_check(&config, &settings, shape_of(r, p)));

    trainer *t;
    trainer_request request = {.config = &config,
        .data = &data,
        .settings = &settings,
        .checkpoint_seconds = r->checkpoint_seconds,
        .keep = {r->keep, r->keep_every, r->keep_best},
        .accumulate = r->accumulate,
        .expert_parallel = r->expert_parallel,
        .link = p->link,
        .sharing = sharing_of(r),
        .threads = threads_of(p->observer),
        .watching = {r->sample_prompt, r->tensorboard, r->on_nonfinite}};
    TRY(trainer_create(&request, &t));
    sigmoe_status status = r->init ? trainer_load(t, init) : SIGMOE_OK;
    if (status == SIGMOE_OK) status = trainer_compare(t);
    if (status == SIGMOE_OK) status = communicator_leads(p->link) ? take_place(r, p, t) : follow_run(r, t);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

static sigmoe_status continue_run(const sigmoe_train_request *r, const participant *p, arena *a,
    sigmoe_train_settings *before, trainer **out) {
    run_state *state;
    TRY(run_state_read(r->out, r->data, p->observer, a, &state));
    if (r->verify) TRY(dataset_verify(&state->data, p->observer));
    *before = state->settings;
    TRY(train_request_resume(r, state));
    TRY(check_validations(r, &state->settings));
    TRY(training_memory_check(&state->config, &state->settings, shape_of(r, p)));
    state->accumulate = r->accumulate;
    state->expert_parallel = r->expert_parallel;
    state->link = p->link;
    state->sharing = sharing_of(r);
    return trainer_continue(state, threads_of(p->observer), out);
}

// Of what is no run, nothing is locked: it gets no file.
static sigmoe_status lock_run(const sigmoe_train_request *r, participant *p) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/train.json", r->out));
    if (!path_exists(path) && !output_unsettled(r->out)) return SIGMOE_OK;
    return place_lock(r->out, OUTPUT_RUN, p->observer, &p->lock);
}

// *before: the run's settings until now.
static sigmoe_status resume(
    const sigmoe_train_request *r, participant *p, sigmoe_train_settings *before, trainer **out) {
    arena *a;
    if (communicator_leads(p->link)) TRY(lock_run(r, p));
    TRY(communicator_meet(p->link)); // the others read when nobody else writes
    TRY(arena_create("run to resume", &a));
    sigmoe_status status = continue_run(r, p, a, before, out);
    arena_destroy(a);
    if (status == SIGMOE_OK) trainer_guard(*out, p->lock);
    return status;
}

static bool traces(const sigmoe_train_request *r, const participant *p) {
    return r->trace && communicator_leads(p->link);
}

// Destroys the trainer when it fails.
static sigmoe_status watch(trainer *t) {
    sigmoe_status status = trainer_watch_steps(t);
    if (status != SIGMOE_OK) trainer_destroy(t);
    return status;
}

static sigmoe_status train(const sigmoe_train_request *request, participant *p, sigmoe_train_result *result) {
    trainer *t;
    sigmoe_train_settings before;
    if (request->resume)
        TRY(resume(request, p, &before, &t));
    else
        TRY(start_fresh(request, p, &t));
    trainer_recompute(t, request->recompute);
    trainer_stop_before(t, p->deadline);
    if (traces(request, p)) TRY(watch(t));
    banner_train(t, p->observer);
    if (request->resume) banner_resume(t, &before, p->observer);
    note_unlearned(&trainer_config(t)->model, NULL, p->observer);
    p->runs = true;
    sigmoe_status status = trainer_run(t, "train", p->observer, result);
    if (status == SIGMOE_OK) banner_sums(t, p->observer);
    if (status == SIGMOE_OK && traces(request, p)) status = trainer_write_trace(t, request->trace);
    trainer_destroy(t);
    return status;
}

static sigmoe_status train_checked(
    const sigmoe_train_request *request, participant *p, sigmoe_train_result *result) {
    char out[PATH_CAPACITY];
    sigmoe_train_request r = *request;
    TRY(train_request_check(request));
    TRY(path_of_output(out, request->out));
    r.out = out;
    sigmoe_status status = train(&r, p, result);
    place_unlock(p->lock);
    return status;
}

// When it fails, this process may be the only one that knows.
static sigmoe_status train_together(
    const sigmoe_train_request *request, participant *p, sigmoe_train_result *result) {
    sigmoe_observer quiet = observer_quiet(p->observer);
    if (!communicator_leads(p->link)) p->observer = &quiet;
    sigmoe_status status = train_checked(request, p, result);
    if (status == SIGMOE_OK || (status == SIGMOE_INTERRUPTED && p->runs)) return status;
    return communicator_fail(p->link, status);
}

sigmoe_status run_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result) {
    participant p = {.observer = observer, .lock = -1};
    double timeout = request->collective_timeout;
    if (!(timeout >= 0))
        return fail(SIGMOE_BAD_ARGUMENT, "`collective_timeout` is %g; it must be above 0", timeout);
    if (!(request->exit_before >= 0))
        return fail(SIGMOE_BAD_ARGUMENT, "`exit_before` is %g; it must be above 0", request->exit_before);
    if (request->exit_before > 0) p.deadline = seconds_now() + request->exit_before;
    TRY(communicator_open(timeout > 0 ? timeout : COLLECTIVE_TIMEOUT, &p.link));
    return p.link ? train_together(request, &p, result) : train_checked(request, &p, result);
}
