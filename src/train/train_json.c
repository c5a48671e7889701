#include "train/train_json.h"

#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"

static sigmoe_status read_splits(const dataset *data, json_t **out) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", data->directory));
    TRY(json_read_object(path, &meta));
    json_t *splits = json_object_get(meta, "splits");
    *out = splits ? json_incref(splits) : json_null();
    json_decref(meta);
    return SIGMOE_OK;
}

static sigmoe_status fill_train_json(
    json_t *root, const sigmoe_train_settings *settings, double checkpoint_seconds, const dataset *data) {
    char *absolute = realpath(data->directory, NULL);
    json_t *directory = json_string(absolute ? absolute : data->directory), *splits, *object = json_object();
    free(absolute);
    TRY(json_put(root, "data", directory));
    TRY(json_put(root, "settings", object));
    TRY(json_write_options(object, train_settings_options(), settings));
    TRY(json_put(root, "checkpoint_seconds", json_real(checkpoint_seconds)));
    TRY(read_splits(data, &splits));
    return json_put(root, "splits", splits);
}

sigmoe_status train_json_write(
    const char *run, const sigmoe_train_settings *settings, double checkpoint_seconds, const dataset *data) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/train.json", run));
    json_t *root = json_object();
    return json_save(fill_train_json(root, settings, checkpoint_seconds, data), path, root);
}

// Older runs lack this setting. Unless they saved every so many steps, they saved only at the end, so the default is better.
static sigmoe_status read_checkpoint_seconds(const json_t *root, double *seconds) {
    const json_t *value = json_object_get(root, "checkpoint_seconds");
    if (value && !json_is_number(value))
        return fail(SIGMOE_BAD_FORMAT, "\"checkpoint_seconds\" must be a number");
    *seconds = value ? json_number_value(value) : CHECKPOINT_SECONDS;
    return checkpoint_seconds_check(*seconds);
}

static sigmoe_status read_root(const json_t *root, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data) {
    json_t *object, *splits;
    const char *hint = directory ? "without `data` the run finds its own" : "`data` says where they are now";
    if (checkpoint_seconds) TRY(read_checkpoint_seconds(root, checkpoint_seconds));
    if (!directory) TRY(json_get_text(root, "", "data", &directory));
    TRY(json_get_object(root, "", "settings", &object));
    TRY(json_read_options(object, "settings.", train_settings_options(), NULL, settings));
    sigmoe_status opened = dataset_open(directory, data);
    if (opened != SIGMOE_OK) return fail_in(opened, "the run's data (%s)", hint);
    TRY(read_splits(data, &splits));
    bool same = json_equal(splits, json_object_get(root, "splits"));
    json_decref(splits);
    if (same) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "the data in %s is not what this run began with; prepare the former data again", directory);
}

sigmoe_status train_json_read(const char *run, const char *directory, sigmoe_train_settings *settings,
    double *checkpoint_seconds, dataset *data) {
    char path[PATH_CAPACITY];
    json_t *root;
    TRY(path_format(path, "%s/train.json", run));
    if (!path_exists(path))
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no training run: it has no train.json", run);
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_root(root, directory, settings, checkpoint_seconds, data);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}
