#include "train/checkpoint_tidy.h"

#include "base/progress.h"
#include "formats/manifest.h"
#include "train/checkpoint.h"
#include "train/trainer_file.h"

// ---------------------------------------------------------------- removing

// Renamed first: what is removed halfway must not pass for a checkpoint.
static sigmoe_status remove_checkpoint(const char *run, int64_t step) {
    char path[PATH_CAPACITY], removed[PATH_CAPACITY];
    TRY(checkpoint_path(run, step, path));
    TRY(path_format(removed, "%s%s", path, CHECKPOINT_REMOVED));
    TRY(directory_rename(path, removed));
    return directory_remove(removed);
}

// A manifest that names no state comes first: what is left of it afterwards belongs to no checkpoint.
static sigmoe_status forget_state(const char *directory, manifest *m) {
    if (m->former) {
        TRY(manifest_check_all(m)); // new sums must not make damage good
        TRY(manifest_write(directory));
        manifest_close(m);
        TRY(manifest_open(directory, m));
    }
    return manifest_names(m, "trainer.json") ? manifest_leave_out(m, trainer_file_names) : SIGMOE_OK;
}

static sigmoe_status remove_state(const char *run, int64_t step) {
    char path[PATH_CAPACITY], file[PATH_CAPACITY];
    manifest m;
    TRY(checkpoint_path(run, step, path));
    TRY(manifest_open(path, &m));
    sigmoe_status status = m.root ? forget_state(path, &m) : SIGMOE_OK; // one of before there were sums stays
    bool forgotten = status == SIGMOE_OK && m.root;
    manifest_close(&m);
    for (const char *const *name = trainer_file_names; forgotten && *name; name++) {
        TRY(path_format(file, "%s/%s", path, *name));
        if (path_exists(file)) TRY(directory_remove(file));
    }
    return status;
}

static sigmoe_status tidy_step(
    const char *run, const checkpoint_keep *keep, int64_t best, int64_t step, int place) {
    // The first checkpoint's weights follow from the seed.
    if (place == 0 || (place < keep->newest && step > 0)) return SIGMOE_OK;
    bool kept = (keep->every > 0 && step > 0 && step % keep->every == 0) || (keep->best && step == best);
    return kept ? remove_state(run, step) : remove_checkpoint(run, step);
}

static void tell(sigmoe_status status, const sigmoe_observer *observer) {
    if (status != SIGMOE_OK)
        progress_note(observer, "%s; it is tried again with the next checkpoint", sigmoe_message());
}

static void tidy_steps(const char *run, const checkpoint_keep *keep, int64_t best, const int64_t *steps,
    int count, const sigmoe_observer *observer) {
    for (int i = 0; i < count; i++) tell(tidy_step(run, keep, best, steps[i], i), observer);
}

// What a killed process left, and damaged checkpoints that have a successor.
static bool is_leftover(const char *name, int64_t newest) {
    int64_t damaged = checkpoint_named_step(name, CHECKPOINT_DAMAGED);
    return checkpoint_named_step(name, CHECKPOINT_PARTIAL) >= 0 ||
           checkpoint_named_step(name, CHECKPOINT_REMOVED) >= 0 || (damaged >= 0 && damaged <= newest);
}

static sigmoe_status remove_leftover(const char *run, const char *name) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/checkpoints/%s", run, name));
    return directory_remove(path);
}

static sigmoe_status tidy(
    const char *run, const checkpoint_keep *keep, int64_t best, arena *a, const sigmoe_observer *observer) {
    char directory[PATH_CAPACITY], **names;
    int64_t *steps;
    int count;
    TRY(path_format(directory, "%s/checkpoints", run));
    if (!path_exists(directory)) return SIGMOE_OK;
    TRY(checkpoint_steps(run, a, &steps, &count));
    int64_t newest = count > 0 ? steps[0] : -1;
    tidy_steps(run, keep, best, steps, count, observer);
    TRY(directory_list(directory, a, &names, &count));
    for (int i = 0; i < count; i++)
        if (is_leftover(names[i], newest)) tell(remove_leftover(run, names[i]), observer);
    return SIGMOE_OK;
}

void checkpoints_tidy(
    const char *run, const checkpoint_keep *keep, int64_t best, const sigmoe_observer *observer) {
    arena *a;
    sigmoe_status status = arena_create("checkpoint list", &a);
    if (status == SIGMOE_OK) {
        status = tidy(run, keep, best, a, observer);
        arena_destroy(a);
    }
    tell(status, observer);
}

// ---------------------------------------------------------------- setting aside

static sigmoe_status set_aside(const char *run, int64_t step) {
    char path[PATH_CAPACITY], damaged[PATH_CAPACITY];
    TRY(checkpoint_path(run, step, path));
    TRY(path_format(damaged, "%s%s", path, CHECKPOINT_DAMAGED));
    if (path_exists(damaged)) TRY(directory_remove(damaged));
    return directory_rename(path, damaged);
}

sigmoe_status checkpoints_set_aside(const char *run, int64_t step) {
    arena *a;
    int64_t *steps;
    int count;
    TRY(arena_create("checkpoint list", &a));
    sigmoe_status status = checkpoint_steps(run, a, &steps, &count);
    for (int i = 0; status == SIGMOE_OK && i < count && steps[i] > step; i++)
        status = set_aside(run, steps[i]);
    arena_destroy(a);
    return status;
}
