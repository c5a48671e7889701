#include "train/checkpoint.h"

#include "base/progress.h"
#include "formats/manifest.h"
#include "train/trainer_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LEAST_DIGITS = 8, MOST_DIGITS = 18 };

// ---------------------------------------------------------------- finding checkpoints

sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]) {
    return path_format(path, "%s/checkpoints/%0*" PRId64, run, LEAST_DIGITS, step);
}

int64_t checkpoint_named_step(const char *name, const char *ending) {
    size_t digits = strspn(name, "0123456789");
    bool named = strcmp(name + digits, ending) == 0 && digits >= LEAST_DIGITS && digits <= MOST_DIGITS;
    return named ? strtoll(name, NULL, 10) : -1;
}

int64_t checkpoint_step(const char *path) {
    return checkpoint_named_step(path_leaf(path), "");
}

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

sigmoe_status checkpoint_steps(const char *run, arena *a, int64_t **steps, int *count) {
    char directory[PATH_CAPACITY];
    char **names;
    int entries;
    TRY(path_format(directory, "%s/checkpoints", run));
    TRY(directory_list(directory, a, &names, &entries));
    TRY(ARENA_NEW(a, *steps, entries));
    *count = 0;
    for (int i = 0; i < entries; i++) {
        int64_t step = checkpoint_named_step(names[i], "");
        if (step >= 0) (*steps)[(*count)++] = step;
    }
    qsort(*steps, (size_t)*count, sizeof **steps, descending);
    return SIGMOE_OK;
}

static sigmoe_status newest_of(const char *run, char path[PATH_CAPACITY], bool *found) {
    arena *a;
    int64_t *steps;
    int count = 0;
    TRY(arena_create("checkpoint list", &a));
    sigmoe_status status = checkpoint_steps(run, a, &steps, &count);
    *found = status == SIGMOE_OK && count > 0;
    if (*found) status = checkpoint_path(run, steps[0], path);
    arena_destroy(a);
    return status;
}

sigmoe_status checkpoint_find(const char *run, char path[PATH_CAPACITY], bool *found) {
    struct stat about;
    *found = false;
    TRY(path_format(path, "%s/checkpoints", run));
    if (lstat(path, &about) == 0) return newest_of(run, path, found);
    return errno == ENOENT ? SIGMOE_OK : fail_errno("cannot read %s", path);
}

sigmoe_status checkpoint_newest(const char *run, char path[PATH_CAPACITY]) {
    bool found;
    TRY(checkpoint_find(run, path, &found));
    if (found) return SIGMOE_OK;
    if (!path_exists(path))
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no training run: it has no checkpoints", run);
    return fail(
        SIGMOE_BAD_ARGUMENT, "%s has no finished checkpoint yet: start the training again with `force`", run);
}

// ---------------------------------------------------------------- whole checkpoints

static sigmoe_status check_names(const manifest *m, const char *directory) {
    if (!m->root || m->former || manifest_names(m, trainer_file_names[0])) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "%s was kept as a model, without the optimizer's state", directory);
}

sigmoe_status checkpoint_check(const char *directory) {
    manifest m;
    TRY(manifest_open(directory, &m));
    sigmoe_status status = check_names(&m, directory);
    if (status == SIGMOE_OK) status = manifest_check_all(&m);
    manifest_close(&m);
    return status;
}

// Once more if it cannot be read: a moment's failure must not cost the steps since the checkpoint before. What was read and is
// damaged stays so.
static sigmoe_status check_twice(const char *directory) {
    sigmoe_status status = checkpoint_check(directory);
    return status == SIGMOE_IO ? checkpoint_check(directory) : status;
}

// *found: the place of the first whole one of `steps`, newest first; the others before it are told of.
static sigmoe_status find_good(const char *run, const int64_t *steps, int count,
    const sigmoe_observer *observer, char path[PATH_CAPACITY], int *found) {
    kept_failure newest = {0};
    for (int i = 0; i < count; i++) {
        TRY(checkpoint_path(run, steps[i], path));
        sigmoe_status status = check_twice(path);
        *found = i;
        if (status == SIGMOE_OK || status == SIGMOE_NO_MEMORY) return status;
        if (i == 0) newest = failure_keep(status);
        if (i + 1 < count)
            progress_note(observer, "checkpoint %s is passed over: %s", path_leaf(path), sigmoe_message());
    }
    return count == 1 ? failure_again(&newest)
                      : fail(newest.status, "%s; earlier checkpoints of %s cannot be resumed from either",
                            newest.sentence, run);
}

sigmoe_status checkpoint_newest_good(
    const char *run, const sigmoe_observer *observer, char path[PATH_CAPACITY]) {
    arena *a;
    int64_t *steps;
    int count, found = 0;
    TRY(checkpoint_newest(run, path)); // says what is missing if there is none
    TRY(arena_create("checkpoint list", &a));
    sigmoe_status status = checkpoint_steps(run, a, &steps, &count);
    if (status == SIGMOE_OK) status = find_good(run, steps, count, observer, path, &found);
    arena_destroy(a);
    return status;
}

// ---------------------------------------------------------------- models

// Says what a path is that is neither a model nor a run.
static sigmoe_status no_model(const char *path) {
    struct stat about;
    char runs[PATH_CAPACITY];
    if (stat(path, &about) != 0) return fail_errno("there is no model %s", path);
    if (!S_ISDIR(about.st_mode))
        return fail(SIGMOE_IO,
            "%s is a file; a model is a directory with config.json and model.safetensors: name that", path);
    TRY(path_trimmed(runs, path));
    if (strcmp(path_leaf(runs), "checkpoints") == 0)
        return fail(
            SIGMOE_IO, "%s holds a training run's checkpoints: name the run itself, or one of these", path);
    TRY(path_format(runs, "%s/runs", path));
    if (path_exists(runs))
        return fail(SIGMOE_IO, "%s is a comparison; its models are the directories in %s: name one of these",
            path, runs);
    return fail(SIGMOE_IO,
        "%s is neither a model directory (with config.json) nor a training run (with checkpoints)", path);
}

sigmoe_status model_locate(const char *path, char directory[PATH_CAPACITY]) {
    TRY(path_format(directory, "%s/config.json", path));
    if (path_exists(directory)) return path_format(directory, "%s", path);
    TRY(path_format(directory, "%s/checkpoints", path));
    return path_exists(directory) ? checkpoint_newest(path, directory) : no_model(path);
}

sigmoe_status model_config_path(const char *path, char file[PATH_CAPACITY]) {
    char directory[PATH_CAPACITY];
    TRY(model_locate(path, directory));
    return path_format(file, "%s/config.json", directory);
}
