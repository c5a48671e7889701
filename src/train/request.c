#include "train/request.h"

#include "config/model_directory.h"
#include "config/train_settings.h"
#include "formats/json_difference.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "train/checkpoint.h"
#include "train/team.h"

#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------- without files

// What can be given besides settings.
static const char *const members[] = {"checkpoint_seconds", "keep", "keep_every", "keep_best"};

static bool is_member(const char *name) {
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i], name) == 0) return true;
    return false;
}

static sigmoe_status check_given(const sigmoe_train_request *r) {
    for (int i = 0; i < r->given_count; i++) {
        const char *name = r->given ? r->given[i] : NULL;
        if (!name) return fail(SIGMOE_BAD_ARGUMENT, "the name of a given setting is missing");
        if (!option_find(train_settings_options(), name) && !is_member(name))
            return fail(SIGMOE_BAD_ARGUMENT, "there is no training setting \"%.80s\"", name);
    }
    return SIGMOE_OK;
}

static sigmoe_status check_resume(const sigmoe_train_request *r) {
    if (r->force)
        return fail(SIGMOE_BAD_ARGUMENT, "`resume` goes on with what `force` would throw away: choose one");
    if (r->config && r->init)
        return fail(SIGMOE_BAD_ARGUMENT, "a configuration and a model directory are given: name one at most");
    return check_given(r);
}

sigmoe_status train_request_check(const sigmoe_train_request *r) {
    if (!r->out) return fail(SIGMOE_BAD_ARGUMENT, "a directory for the run is needed");
    if (r->unroll < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "unroll is %lld; it must be 1 or more", (long long)r->unroll);
    if (r->accumulate < 0)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`accumulate` is %lld; it must be 1 or more", (long long)r->accumulate);
    TRY(team_sharing_check(&(team_sharing){r->zero, r->wire}));
    if (r->expert_parallel < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "`expert_parallel` is %lld; it must be 1 or more",
            (long long)r->expert_parallel);
    if (r->resume) return check_resume(r);
    if (!r->config == !r->init)
        return fail(
            SIGMOE_BAD_ARGUMENT, "training starts from a configuration or from a model directory: name one");
    if (!r->data) return fail(SIGMOE_BAD_ARGUMENT, "training needs a prepared data directory");
    TRY(checkpoint_seconds_check(r->checkpoint_seconds));
    return train_settings_check(&r->settings);
}

// ---------------------------------------------------------------- the model

sigmoe_status train_request_config(const sigmoe_train_request *r, const char *init, sigmoe_config *config) {
    if (r->config) *config = config_copy(r->config);
    if (r->init) TRY(model_read_config(init, config));
    for (int i = 0; i < r->override_count; i++) TRY(config_override(config, r->overrides[i]));
    if (r->unroll) config->model.unroll = r->unroll;
    return model_config_check(&config->model);
}

// ---------------------------------------------------------------- on resume

// `mark` surrounds the key: a backquote where it is a member of the request.
static sigmoe_status refuse(const run_state *s, const char *mark, const json_difference *d) {
    return fail(SIGMOE_BAD_ARGUMENT,
        "the run %s has %s%s%s %s, not %s: on `resume` only `steps`, `lr`, `clip` and `schedule` can change; "
        "leave it out, or train another run",
        s->run, mark, d->key, mark, d->before, d->now);
}

// The data determine the tokenizer.
static sigmoe_status model_to_json(const sigmoe_config *config, json_t **out) {
    TRY(config_to_json(config, out));
    json_object_del(*out, "tokenizer");
    return SIGMOE_OK;
}

static sigmoe_status check_model(const sigmoe_train_request *r, const run_state *s) {
    char init[PATH_CAPACITY] = "";
    sigmoe_config config = config_copy(&s->config);
    json_difference d;
    json_t *own, *given;
    if (r->init) TRY(model_locate(r->init, init));
    TRY(train_request_config(r, init, &config));
    TRY(config_adopt_data(&config, &s->data));
    TRY(model_to_json(&s->config, &own));
    sigmoe_status status = model_to_json(&config, &given);
    if (status == SIGMOE_OK) {
        if (json_find_difference(own, given, &d)) status = refuse(s, "", &d);
        json_decref(given);
    }
    json_decref(own);
    return status;
}

// The settings that must be the run's own.
static sigmoe_status kept_to_json(const sigmoe_train_settings *settings, json_t **out) {
    const option_table table = train_settings_options();
    json_t *object = json_object();
    sigmoe_status status = json_write_options(object, table, settings);
    for (int i = 0; i < table.count; i++)
        if (train_settings_may_change(table.options[i].name)) json_object_del(object, table.options[i].name);
    return json_hand_out(status, object, out);
}

static sigmoe_status check_kept(const run_state *s, const sigmoe_train_settings *asked) {
    json_difference d;
    json_t *own, *given;
    TRY(kept_to_json(&s->settings, &own));
    sigmoe_status status = kept_to_json(asked, &given);
    if (status == SIGMOE_OK) {
        if (json_find_difference(own, given, &d)) status = refuse(s, "`", &d);
        json_decref(given);
    }
    json_decref(own);
    return status;
}

static sigmoe_status check_seconds(const sigmoe_train_request *r, const run_state *s) {
    json_difference d = {.key = "checkpoint_seconds"};
    for (int i = 0; i < r->given_count; i++) {
        if (strcmp(r->given[i], d.key) != 0 || r->checkpoint_seconds == s->checkpoint_seconds) continue;
        snprintf(d.before, sizeof d.before, "%g s", s->checkpoint_seconds);
        snprintf(d.now, sizeof d.now, "%g s", r->checkpoint_seconds);
        return refuse(s, "`", &d);
    }
    return SIGMOE_OK;
}

static sigmoe_status take_keep(const sigmoe_train_request *r, checkpoint_keep *keep) {
    for (int i = 0; i < r->given_count; i++) {
        const char *name = r->given[i];
        if (strcmp(name, "keep") == 0) keep->newest = r->keep ? r->keep : checkpoint_keep_default.newest;
        if (strcmp(name, "keep_every") == 0) keep->every = r->keep_every;
        if (strcmp(name, "keep_best") == 0) keep->best = r->keep_best;
    }
    return checkpoint_keep_check(keep);
}

sigmoe_status train_request_resume(const sigmoe_train_request *r, run_state *s) {
    sigmoe_train_settings asked = s->settings;
    TRY(check_model(r, s));
    for (int i = 0; i < r->given_count; i++) train_settings_take(&asked, &r->settings, r->given[i]);
    TRY(train_settings_check(&asked));
    TRY(check_kept(s, &asked));
    TRY(check_seconds(r, s));
    if (asked.steps < s->step)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the run %s has done %lld steps, and `steps` asks for %lld: give at least as many as are done, "
            "or train another run",
            s->run, (long long)s->step, (long long)asked.steps);
    TRY(take_keep(r, &s->keep));
    s->settings = asked;
    if (r->sample_prompt) s->watching.sample_prompt = r->sample_prompt;
    s->watching.tensorboard |= r->tensorboard;
    if (r->on_nonfinite) s->watching.on_nonfinite = r->on_nonfinite;
    return SIGMOE_OK;
}
