#include "train/checkpoint_write.h"

#include "base/progress.h"
#include "config/model_directory.h"
#include "formats/manifest.h"
#include "system/file_lock.h"
#include "system/output_kind.h"
#include "train/checkpoint.h"
#include "train/checkpoint_tidy.h"
#include "train/log_sums.h"
#include "train/team_files.h"
#include "train/trainer_file.h"
#include "train/trainer_state.h"

#include <inttypes.h>

// A state that cannot be resumed is not written, since it might replace one that can.
static sigmoe_status refuse_not_finite(const trainer *t) {
    const parameter *bad = parameters_not_finite(transformer_parameters(t->model));
    if (!bad) return SIGMOE_OK;
    return fail(SIGMOE_NOT_FINITE,
        "tensor \"%s\" has values that are not finite; try a lower learning rate or a longer warm-up",
        bad->name);
}

enum { ALONE = 160 }; // bytes of a reason

// Once, since every checkpoint has the same reason. The first one comes before there is anybody to tell.
static void note_alone(trainer *t, const char *why) {
    if (!*why || !team_leads(&t->team) || t->alone_noted || !t->observer) return;
    t->alone_noted = true;
    progress_note(t->observer, "rank 0 writes the checkpoints in %s alone: %s", t->run, why);
}

// What this process has of a tensor's values.
static tensor_range values_held(const parameter *p) {
    return p->trainable ? parameter_kept(p) : (tensor_range){0, p->count};
}

static sigmoe_status list_weights(const trainer *t, arena *a, team_file *out) {
    const parameter_list *list = transformer_parameters(t->model);
    *out = (team_file){.name = model_weights_name, .count = parameters_length(list)};
    TRY(model_list_tensors(list, a, &out->tensors));
    TRY(ARENA_NEW(a, out->held, out->count));
    for (int i = 0; i < out->count; i++) {
        const parameter *p = parameters_at(list, i);
        out->held[i] = values_held(p);
        if (p->trainable) out->tensors[i].bytes = parameter_kept_values(p);
    }
    return SIGMOE_OK;
}

static sigmoe_status write_tensors_in(trainer *t, const char *directory, arena *a) {
    enum { WEIGHTS, TRAINER, FILES };
    team_file files[FILES];
    char alone[ALONE];
    TRY(list_weights(t, a, &files[WEIGHTS]));
    TRY(trainer_file_list(t, a, &files[TRAINER]));
    TRY(team_files_write(t->team.link, directory, files, FILES, alone, sizeof alone));
    note_alone(t, alone);
    return SIGMOE_OK;
}

// By all ranks, together.
static sigmoe_status write_tensors(trainer *t, const char *directory) {
    arena *a;
    TRY(arena_create("checkpoint", &a));
    sigmoe_status status = write_tensors_in(t, directory, a);
    arena_destroy(a);
    return status;
}

static sigmoe_status fill_directory(trainer *t, const char *directory) {
    TRY(refuse_not_finite(t));
    TRY(directory_make(directory));
    TRY(model_write_config(directory, &t->config));
    TRY(write_tensors(t, directory));
    TRY(trainer_file_write_counters(t, directory));
    return manifest_write(directory);
}

// Somebody may have removed the run and begun another one of its name, where nothing of this one belongs.
static sigmoe_status check_place(const trainer *t) {
    char lock[PATH_CAPACITY];
    bool stands = true;
    TRY(path_format(lock, "%s/" LOCK_NAME, t->run));
    if (t->lock >= 0) TRY(file_lock_check(t->lock, lock, &stands));
    if (stands) return SIGMOE_OK;
    return fail(SIGMOE_IO,
        "%s or its " LOCK_NAME
        " was removed or replaced while the run was in progress, so nothing more is written there; if it was "
        "moved, `resume` goes on from its newest checkpoint",
        t->run);
}

static sigmoe_status write_directory(trainer *t, const char *partial, const char *final) {
    json_t *sums;
    TRY(check_place(t));
    TRY(run_log_sync(&t->log));
    if (path_exists(partial)) TRY(directory_remove(partial)); // what a killed process left
    TRY(fill_directory(t, partial));
    TRY(run_log_sums(&t->log, &sums));
    TRY(log_sums_write(t->run, final, sums)); // first: a checkpoint without them cannot be resumed from
    return directory_commit(partial, final);
}

// A rank that is not rank 0 writes tensors alone; rank 0 has the rest.
static sigmoe_status follow(trainer *t, const char *partial) {
    TRY(refuse_not_finite(t));
    TRY(write_tensors(t, partial));
    t->last_checkpoint = t->step;
    return SIGMOE_OK;
}

sigmoe_status checkpoint_write(trainer *t) {
    char final[PATH_CAPACITY], partial[PATH_CAPACITY];
    if (t->last_checkpoint == t->step) return SIGMOE_OK;
    TRY(checkpoint_path(t->run, t->step, final));
    TRY(path_format(partial, "%s%s", final, CHECKPOINT_PARTIAL));
    if (!team_leads(&t->team)) return follow(t, partial);
    sigmoe_status status = write_directory(t, partial, final);
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
    checkpoints_tidy(t->run, &t->keep, t->log.best_step, t->observer);
    return SIGMOE_OK;
}
