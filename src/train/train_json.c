#include "train/train_json.h"

#include "config/train_settings.h"
#include "data/dataset_identity.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_sealed.h"
#include "system/file.h"

#include <string.h>

// Version 1, of 0.1.0, had neither the key nor a seal.
enum { VERSION = 2 };
static const char VERSION_KEY[] = "version";

static sigmoe_status check_version(const json_t *root) {
    int64_t version = 1;
    if (json_object_get(root, VERSION_KEY)) TRY(json_get_integer(root, "", VERSION_KEY, 1, &version));
    if (version <= VERSION) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "\"version\" is %lld; this program reads up to %d", (long long)version, VERSION);
}

sigmoe_status train_json_open(const char *run, json_t **out) {
    char path[PATH_CAPACITY];
    json_t *root;
    TRY(path_format(path, "%s/train.json", run));
    TRY(json_read_sealed(path, VERSION_KEY,
        "restore it, or begin a new run from a checkpoint of this one with `init`", &root));
    sigmoe_status status = check_version(root);
    if (status != SIGMOE_OK) fail_in(status, "%s", path);
    return json_hand_out(status, root, out);
}

static sigmoe_status put_settings(json_t *root, const sigmoe_train_settings *settings) {
    json_t *object = json_object();
    TRY(json_put(root, "settings", object));
    return json_write_options(object, train_settings_options(), settings);
}

static json_t *watching_to_json(const run_watching *w) {
    return json_pack("{s:s?,s:b}", "sample_prompt", w->sample_prompt, "tensorboard", w->tensorboard);
}

static sigmoe_status fill_train_json(json_t *root, const sigmoe_train_settings *settings,
    double checkpoint_seconds, const checkpoint_keep *keep, const run_watching *watching,
    const dataset *data) {
    json_t *splits;
    TRY(json_put(root, VERSION_KEY, json_integer(VERSION)));
    TRY(json_put(root, "data", json_resolved_path(data->directory)));
    TRY(put_settings(root, settings));
    TRY(json_put(root, "checkpoint_seconds", json_real(checkpoint_seconds)));
    TRY(json_put(root, "keep", checkpoint_keep_to_json(keep)));
    TRY(json_put(root, "watching", watching_to_json(watching)));
    TRY(json_put(root, "on_nonfinite", json_string(watching->on_nonfinite)));
    TRY(json_put(root, "history", json_array()));
    TRY(dataset_identity(data, &splits));
    return json_put(root, "splits", splits);
}

sigmoe_status train_json_write(const char *run, const sigmoe_train_settings *settings,
    double checkpoint_seconds, const checkpoint_keep *keep, const run_watching *watching,
    const dataset *data) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/train.json", run));
    json_t *root = json_object();
    return json_save_sealed(
        fill_train_json(root, settings, checkpoint_seconds, keep, watching, data), path, root);
}

// Older runs lack this setting. Unless they saved every so many steps, they saved only at the end, so the default is better.
static sigmoe_status read_checkpoint_seconds(const json_t *root, double *seconds) {
    const json_t *value = json_object_get(root, "checkpoint_seconds");
    if (value && !json_is_number(value))
        return fail(SIGMOE_BAD_FORMAT, "\"checkpoint_seconds\" must be a number");
    *seconds = value ? json_number_value(value) : CHECKPOINT_SECONDS;
    return checkpoint_seconds_check(*seconds);
}

// `given`: in a directory that the user named, instead of the run's own.
static sigmoe_status other_data(const char *given, const char *own) {
    if (given)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the data in %s are not what this run began with, which were in %s; without `data` the run finds "
            "its own",
            given, own);
    return fail(SIGMOE_BAD_FORMAT,
        "the data in %s are not what this run began with; prepare the former data again", own);
}

static sigmoe_status read_root(const json_t *root, const char *given, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data) {
    json_t *object, *splits;
    const char *own,
        *hint = given ? "without `data` the run finds its own" : "`data` says where they are now";
    if (checkpoint_seconds) TRY(read_checkpoint_seconds(root, checkpoint_seconds));
    TRY(json_get_text(root, "", "data", &own));
    TRY(json_get_object(root, "", "settings", &object));
    TRY(json_read_options(object, "settings.", train_settings_options(), NULL, settings));
    sigmoe_status opened = dataset_open(given ? given : own, data);
    if (opened != SIGMOE_OK) return fail_in(opened, "the run's data (%s)", hint);
    TRY(dataset_identity(data, &splits));
    bool same = dataset_identity_equal(splits, json_object_get(root, "splits"));
    json_decref(splits);
    return same ? SIGMOE_OK : other_data(given, own);
}

sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data) {
    char path[PATH_CAPACITY];
    json_t *root;
    TRY(path_format(path, "%s/train.json", run));
    if (!path_exists(path))
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no training run: it has no train.json", run);
    TRY(train_json_open(run, &root));
    sigmoe_status status = read_root(root, directory, settings, checkpoint_seconds, data);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

// Older runs have none, and stop.
static sigmoe_status read_on_nonfinite(const json_t *root, arena *a, const char **out) {
    const char *text;
    if (!json_object_get(root, "on_nonfinite")) return SIGMOE_OK;
    TRY(json_get_text(root, "", "on_nonfinite", &text));
    *out = arena_text(a, "%s", text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status read_watching(const json_t *root, arena *a, run_watching *out) {
    json_t *object;
    const char *prompt;
    *out = (run_watching){0};
    TRY(read_on_nonfinite(root, a, &out->on_nonfinite));
    if (!json_object_get(root, "watching")) return SIGMOE_OK; // as older versions wrote it
    TRY(json_get_object(root, "", "watching", &object));
    out->tensorboard = json_is_true(json_object_get(object, "tensorboard"));
    if (json_is_null(json_object_get(object, "sample_prompt"))) return SIGMOE_OK;
    TRY(json_get_text(object, "watching.", "sample_prompt", &prompt));
    out->sample_prompt = arena_text(a, "%s", prompt);
    return out->sample_prompt ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status train_json_kept(const char *run, arena *a, checkpoint_keep *keep, run_watching *watching) {
    json_t *root;
    TRY(train_json_open(run, &root));
    sigmoe_status status = checkpoint_keep_from_json(json_object_get(root, "keep"), keep);
    if (status == SIGMOE_OK) status = read_watching(root, a, watching);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s/train.json", run);
}

// ---------------------------------------------------------------- changes

static sigmoe_status history_of(json_t *root, json_t **history) {
    *history = json_object_get(root, "history");
    if (!*history) { // as versions wrote it that knew no changes
        TRY(json_put(root, "history", json_array()));
        *history = json_object_get(root, "history");
    }
    if (json_is_array(*history)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "\"history\" must be a list");
}

// What was changed at steps that are lost, since the user removed their checkpoints, holds from `step` on.
static sigmoe_status pull_back(json_t *history, int64_t step, bool *changed) {
    size_t i;
    json_t *entry;
    json_array_foreach(history, i, entry) {
        if (json_integer_value(json_object_get(entry, "step")) <= step) continue;
        TRY(json_put(entry, "step", json_integer(step)));
        *changed = true;
    }
    return SIGMOE_OK;
}

static sigmoe_status list_changes(const json_t *before, const json_t *now, json_t *changes) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)now, name, value) {
        json_t *former = json_object_get(before, name);
        if (json_equal(former, value)) continue;
        TRY(json_put(changes, name, json_pack("{s:O,s:O}", "from", former, "to", value)));
    }
    return SIGMOE_OK;
}

static sigmoe_status add_entry(json_t *history, int64_t step, const json_t *before, const json_t *now) {
    json_t *changes = json_object();
    json_t *entry = json_pack("{s:I,s:o}", "step", (json_int_t)step, "changes", changes);
    if (json_array_append_new(history, entry) != 0)
        return fail(SIGMOE_NO_MEMORY, "no memory for the run's history");
    return list_changes(before, now, changes);
}

// Runs of older versions lack the key, as long as it holds nothing but the default.
static sigmoe_status change_member(
    json_t *root, const char *key, json_t *now, bool is_default, bool *changed) {
    const json_t *before = json_object_get(root, key);
    if (!before && is_default) {
        json_decref(now);
        return SIGMOE_OK;
    }
    *changed |= !json_equal(now, before);
    return json_put(root, key, now);
}

static bool is_default(const checkpoint_keep *keep) {
    const checkpoint_keep *usual = &checkpoint_keep_default;
    return keep->newest == usual->newest && keep->every == usual->every && keep->best == usual->best;
}

static sigmoe_status change_members(
    json_t *root, const checkpoint_keep *keep, const run_watching *watching, bool *changed) {
    const char *odd = watching->on_nonfinite ? watching->on_nonfinite : "stop";
    TRY(change_member(root, "on_nonfinite", json_string(odd), strcmp(odd, "stop") == 0, changed));
    TRY(change_member(root, "keep", checkpoint_keep_to_json(keep), is_default(keep), changed));
    return change_member(root, "watching", watching_to_json(watching),
        !watching->sample_prompt && !watching->tensorboard, changed);
}

static sigmoe_status change_root(
    json_t *root, int64_t step, const sigmoe_train_settings *settings, bool *changed) {
    json_t *history, *own, *before;
    TRY(history_of(root, &history));
    TRY(pull_back(history, step, changed));
    TRY(json_get_object(root, "", "settings", &own));
    sigmoe_train_settings former;
    TRY(json_read_options(own, "settings.", train_settings_options(), NULL, &former));
    if (!train_settings_difference(&former, settings)) return SIGMOE_OK;
    *changed = true;
    TRY(put_settings(root, &former)); // with those that an older version did not know
    before = json_incref(json_object_get(root, "settings"));
    sigmoe_status status = put_settings(root, settings);
    if (status == SIGMOE_OK) status = add_entry(history, step, before, json_object_get(root, "settings"));
    json_decref(before);
    return status;
}

sigmoe_status train_json_change(const char *run, int64_t step, const sigmoe_train_settings *settings,
    const checkpoint_keep *keep, const run_watching *watching) {
    char path[PATH_CAPACITY];
    json_t *root;
    bool changed = false;
    TRY(path_format(path, "%s/train.json", run));
    TRY(train_json_open(run, &root));
    sigmoe_status status = change_members(root, keep, watching, &changed);
    if (status == SIGMOE_OK) status = change_root(root, step, settings, &changed);
    if (status != SIGMOE_OK) fail_in(status, "%s", path);
    if (status == SIGMOE_OK && changed) return json_save_sealed(SIGMOE_OK, path, root);
    json_decref(root);
    return status;
}

sigmoe_status train_json_is_changed(const char *run, bool *changed) {
    json_t *root;
    TRY(train_json_open(run, &root));
    *changed = json_array_size(json_object_get(root, "history")) > 0;
    json_decref(root);
    return SIGMOE_OK;
}
