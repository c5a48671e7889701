#include "train/checkpoint.h"

#include "config/model_directory.h"
#include "train/trainer_file.h"
#include "train/trainer_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHECKPOINTS_KEPT = 2, LEAST_DIGITS = 8, MOST_DIGITS = 18 };

// ---------------------------------------------------------------- finding checkpoints

sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]) {
    return path_format(path, "%s/checkpoints/%0*" PRId64, run, LEAST_DIGITS, step);
}

static const char UNFINISHED[] = ".partial";

// The step in a directory's name, which must end with `ending`; -1 for other names (such as a user's own).
static int64_t named_step(const char *name, const char *ending) {
    size_t digits = strspn(name, "0123456789");
    bool named = strcmp(name + digits, ending) == 0 && digits >= LEAST_DIGITS && digits <= MOST_DIGITS;
    return named ? strtoll(name, NULL, 10) : -1;
}

int64_t checkpoint_step(const char *path) {
    return named_step(path_leaf(path), "");
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
        int64_t step = named_step(names[i], "");
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

// ---------------------------------------------------------------- writing

// A state that cannot be resumed is not written, since it might replace one that can.
static sigmoe_status refuse_not_finite(const trainer *t) {
    const parameter *bad = parameters_not_finite(transformer_parameters(t->model));
    if (!bad) return SIGMOE_OK;
    return fail(SIGMOE_NOT_FINITE,
        "tensor \"%s\" has values that are not finite; try a lower learning rate or a longer warm-up",
        bad->name);
}

static sigmoe_status fill_directory(const trainer *t, const char *directory) {
    TRY(refuse_not_finite(t));
    TRY(directory_make(directory));
    TRY(model_write(directory, &t->config, t->model));
    return trainer_file_write(t, directory);
}

// Removes an unfinished checkpoint that a killed process left; the writer holds the run's lock.
static sigmoe_status remove_unfinished(const char *run, arena *a) {
    char path[PATH_CAPACITY];
    char **names;
    int count;
    TRY(path_format(path, "%s/checkpoints", run));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(directory_list(path, a, &names, &count));
    for (int i = 0; i < count; i++) {
        if (named_step(names[i], UNFINISHED) < 0) continue;
        TRY(path_format(path, "%s/checkpoints/%s", run, names[i]));
        TRY(directory_remove(path));
    }
    return SIGMOE_OK;
}

// The first checkpoint's weights follow from the seed, so it is removed once there is another.
static sigmoe_status remove_old(const char *run, arena *a) {
    int64_t *steps;
    int count;
    char path[PATH_CAPACITY];
    TRY(checkpoint_steps(run, a, &steps, &count));
    for (int i = 1; i < count; i++) {
        if (i < CHECKPOINTS_KEPT && steps[i] > 0) continue;
        TRY(checkpoint_path(run, steps[i], path));
        TRY(directory_remove(path));
    }
    return SIGMOE_OK;
}

static sigmoe_status write_checkpoint(trainer *t, arena *a) {
    char final[PATH_CAPACITY], partial[PATH_CAPACITY];
    TRY(checkpoint_path(t->run, t->step, final));
    TRY(path_format(partial, "%s%s", final, UNFINISHED));
    TRY(run_log_sync(&t->log));
    TRY(remove_unfinished(t->run, a));
    sigmoe_status status = fill_directory(t, partial);
    if (status == SIGMOE_OK) status = directory_commit(partial, final);
    if (status != SIGMOE_OK) {
        fail_in(
            status, "the checkpoint of step %" PRId64 " was not written, earlier ones are whole", t->step);
        kept_failure failure = failure_keep(status);
        if (path_exists(partial)) directory_remove(partial);
        return failure_again(&failure);
    }
    t->last_checkpoint = t->step;
    // The next checkpoint copies the tokenizer's model from this one: older ones, perhaps including the one that the run
    // started from, are removed.
    TRY(tokenizer_find_model(&t->config.tokenizer, final));
    return remove_old(t->run, a);
}

sigmoe_status checkpoint_write(trainer *t) {
    arena *a;
    if (t->last_checkpoint == t->step) return SIGMOE_OK;
    TRY(arena_create("checkpoint list", &a));
    sigmoe_status status = write_checkpoint(t, a);
    arena_destroy(a);
    return status;
}
