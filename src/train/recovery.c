#include "train/recovery.h"

#include "base/progress.h"
#include "train/checkpoint.h"
#include "train/checkpoint_tidy.h"
#include "train/resume.h"
#include "train/trainer_state.h"

#include <stdio.h>

static sigmoe_status stop(trainer *t, const step_report *report, const char *why) {
    kept_failure failure = failure_keep(SIGMOE_NOT_FINITE);
    TRY(run_log_step(&t->log, report));
    failure_again(&failure);
    return *why ? fail(SIGMOE_NOT_FINITE, "%s; %s", failure.sentence, why) : SIGMOE_NOT_FINITE;
}

// The step counts, and changes nothing. What the layers remember of its segment is of no use, so the next step begins without.
static sigmoe_status skip(trainer *t, step_report *report) {
    char why[64];
    snprintf(why, sizeof why, "%d steps before it were skipped, too", SIGMOE_MOST_SKIPPED);
    if (t->odd.skipped_in_a_row == SIGMOE_MOST_SKIPPED) return stop(t, report, why);
    progress_note(t->observer, "%s: skipped", sigmoe_message());
    t->odd.skipped++;
    t->odd.skipped_in_a_row++;
    t->step++;
    report->skipped = true;
    xl_memory_reset(t->memory);
    return run_log_step(&t->log, report);
}

static sigmoe_status load_checkpoint(trainer *t, const char *path) {
    const run_watching watching = trainer_watching(t);
    TRY(trainer_load_checkpoint(t, path));
    run_log_close(&t->log);
    t->log = run_log_none;
    if (team_leads(&t->team)) {
        TRY(run_log_open(&t->log, t->run, t->step, &watching, path));
        TRY(checkpoints_set_aside(t->run, t->step));
    }
    return trainer_share_log(t);
}

// Back at the checkpoint, the data go on behind the batch that was at hand, and the memory, which belongs to other text, is empty;
// or the rate is lower, by one more factor each time.
static sigmoe_status restore(trainer *t, const char *checkpoint, double factor) {
    batch_stream behind = t->stream;
    int64_t left_out = t->step + 1 + t->odd.batches_left_out - checkpoint_step(checkpoint);
    TRY(load_checkpoint(t, checkpoint));
    for (int i = 0; i < t->rewinds; i++) t->odd.lr_scale *= factor;
    if (factor < 1) return SIGMOE_OK;
    t->stream = behind;
    t->odd.batches_left_out = left_out;
    xl_memory_reset(t->memory);
    return SIGMOE_OK;
}

static sigmoe_status rewind_run(trainer *t, step_report *report, double factor) {
    int64_t from = t->step;
    char why[96], checkpoint[PATH_CAPACITY] = "";
    if (!*t->run || t->last_checkpoint < 0) return stop(t, report, "there is no checkpoint to go back to");
    kept_failure failure = failure_keep(SIGMOE_NOT_FINITE);
    if (team_leads(&t->team)) TRY(checkpoint_newest_good(t->run, t->observer, checkpoint));
    TRY(communicator_share(t->team.link, checkpoint, sizeof checkpoint));
    failure_again(&failure);
    int64_t to = checkpoint_step(checkpoint);
    t->rewinds = t->rewound_to == to ? t->rewinds + 1 : 1;
    t->rewound_to = to;
    snprintf(why, sizeof why, "the run went back to step %lld %d times already", (long long)to,
        SIGMOE_MOST_REWINDS);
    if (t->rewinds > SIGMOE_MOST_REWINDS) return stop(t, report, why);
    progress_note(t->observer, "%s: back to step %lld, with %s", sigmoe_message(), (long long)to,
        factor < 1 ? "a lower learning rate" : "the batches behind this one");
    TRY(restore(t, checkpoint, factor));
    t->rewound_from = from;
    return SIGMOE_OK;
}

sigmoe_status trainer_after_not_finite(trainer *t, step_report *report, sigmoe_status failure) {
    not_finite_policy policy;
    kept_failure kept = failure_keep(failure);
    TRY(not_finite_policy_read(t->on_nonfinite, &policy));
    failure_again(&kept);
    if (policy.action == NOT_FINITE_SKIP) return skip(t, report);
    if (policy.action == NOT_FINITE_REWIND) return rewind_run(t, report, policy.lr_factor);
    return stop(t, report, "");
}
