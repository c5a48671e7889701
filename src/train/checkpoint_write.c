#include "train/checkpoint_write.h"

#include "config/model_directory.h"
#include "formats/manifest.h"
#include "system/file_lock.h"
#include "system/output_kind.h"
#include "train/checkpoint.h"
#include "train/checkpoint_tidy.h"
#include "train/log_sums.h"
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

static sigmoe_status fill_with(const trainer *t, const char *directory, tensor_collector *c) {
    TRY(refuse_not_finite(t));
    TRY(directory_make(directory));
    TRY(model_write_together(directory, &t->config, t->model, bring_weights, c));
    TRY(trainer_file_write(t, directory, c));
    return manifest_write(directory);
}

static sigmoe_status fill_directory(const trainer *t, const char *directory) {
    tensor_collector c;
    TRY(tensor_collector_open(t->team.link, &c));
    sigmoe_status status = fill_with(t, directory, &c);
    tensor_collector_close(&c);
    return status;
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

// Rank 0 writes what the others have.
static sigmoe_status follow(trainer *t) {
    TRY(refuse_not_finite(t));
    TRY(give_weights(t->team.link, transformer_parameters(t->model)));
    TRY(trainer_file_share(t));
    t->last_checkpoint = t->step;
    return SIGMOE_OK;
}

sigmoe_status checkpoint_write(trainer *t) {
    char final[PATH_CAPACITY], partial[PATH_CAPACITY];
    if (t->last_checkpoint == t->step) return SIGMOE_OK;
    if (!team_leads(&t->team)) return follow(t);
    TRY(checkpoint_path(t->run, t->step, final));
    TRY(path_format(partial, "%s%s", final, CHECKPOINT_PARTIAL));
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
