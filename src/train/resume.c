#include "train/resume.h"

#include "config/model_directory.h"
#include "train/checkpoint.h"
#include "train/checkpoint_tidy.h"
#include "train/train_json.h"
#include "train/trainer_file.h"
#include "train/trainer_state.h"

sigmoe_status run_state_read(
    const char *run, const char *data_directory, const sigmoe_observer *observer, arena *a, run_state **out) {
    run_state *s;
    TRY(ARENA_NEW(a, s, 1));
    *out = s;
    s->observer = observer;
    TRY(path_format(s->run, "%s", run));
    TRY(train_json_read(run, data_directory, &s->settings, &s->checkpoint_seconds, &s->data));
    TRY(train_json_kept(run, a, &s->keep, &s->watching));
    TRY(checkpoint_newest_good(run, observer, s->checkpoint));
    s->step = checkpoint_step(s->checkpoint);
    TRY(model_read_config(s->checkpoint, &s->config));
    return model_check_weights(s->checkpoint, &s->config.model);
}

sigmoe_status trainer_load_checkpoint(trainer *t, const char *checkpoint) {
    TRY(model_read_weights(checkpoint, transformer_parameters(t->model)));
    TRY(trainer_file_read(t, checkpoint, checkpoint_step(checkpoint)));
    t->last_checkpoint = t->step;
    return SIGMOE_OK;
}

// What changes in the run comes last, when nothing else can fail: a run that is killed before resumes as it was, and after it as
// changed, from the same checkpoint.
static sigmoe_status change_run(trainer *t, const run_state *s) {
    TRY(trainer_attach_run(t, s->run, s->checkpoint));
    TRY(checkpoints_set_aside(s->run, s->step));
    TRY(train_json_change(s->run, s->step, &s->settings, &s->keep, &s->watching));
    checkpoints_tidy(s->run, &s->keep, t->log.best_step, s->observer);
    return SIGMOE_OK;
}

sigmoe_status trainer_share_log(trainer *t) {
    run_log_state state = run_log_state_of(&t->log);
    TRY(communicator_share(t->team.link, &state, sizeof state));
    run_log_follow(&t->log, state);
    return SIGMOE_OK;
}

static sigmoe_status go_on(trainer *t, const run_state *s) {
    TRY(trainer_load_checkpoint(t, s->checkpoint));
    TRY(trainer_compare(t));
    TRY(team_leads(&t->team) ? change_run(t, s) : trainer_follow_run(t, s->run));
    return trainer_share_log(t);
}

sigmoe_status trainer_continue(const run_state *s, int thread_count, trainer **out) {
    trainer *t;
    trainer_request request = {.config = &s->config,
        .data = &s->data,
        .settings = &s->settings,
        .checkpoint_seconds = s->checkpoint_seconds,
        .keep = s->keep,
        .accumulate = s->accumulate,
        .expert_parallel = s->expert_parallel,
        .link = s->link,
        .sharing = s->sharing,
        .threads = thread_count,
        .watching = s->watching};
    TRY(trainer_build(&request, &t));
    sigmoe_status status = go_on(t, s);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}
