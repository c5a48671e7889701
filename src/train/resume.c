#include "train/resume.h"

#include "config/model_directory.h"
#include "train/checkpoint.h"
#include "train/train_json.h"
#include "train/trainer_file.h"
#include "train/trainer_state.h"

sigmoe_status run_state_read(const char *run, const char *data_directory, arena *a, run_state **out) {
    char path[PATH_CAPACITY];
    run_state *s;
    TRY(ARENA_NEW(a, s, 1));
    *out = s;
    TRY(path_format(s->run, "%s", run));
    TRY(train_json_read(run, data_directory, &s->settings, &s->checkpoint_seconds, &s->data));
    TRY(train_json_watching(run, a, &s->watching));
    TRY(checkpoint_newest(run, s->checkpoint));
    s->step = checkpoint_step(s->checkpoint);
    TRY(path_format(path, "%s/config.json", s->checkpoint));
    TRY(config_read(path, &s->config));
    return model_check_weights(s->checkpoint, &s->config.model);
}

static sigmoe_status load_state(trainer *t, const run_state *s) {
    TRY(model_read_weights(s->checkpoint, transformer_parameters(t->model)));
    TRY(trainer_file_read(t, s->checkpoint, s->step));
    t->last_checkpoint = t->step;
    return SIGMOE_OK;
}

sigmoe_status trainer_continue(const run_state *s, int thread_count, trainer **out) {
    trainer *t;
    trainer_request request = {.config = &s->config,
        .data = &s->data,
        .settings = &s->settings,
        .checkpoint_seconds = s->checkpoint_seconds,
        .threads = thread_count,
        .watching = s->watching};
    TRY(trainer_build(&request, &t));
    sigmoe_status status = load_state(t, s);
    if (status == SIGMOE_OK) status = trainer_attach_run(t, s->run);
    // Last, when nothing else can fail: a run that is killed before resumes as it was, and after it as changed, from the same
    // checkpoint.
    if (status == SIGMOE_OK) status = train_json_change(s->run, s->step, &s->settings, &s->watching);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

sigmoe_status trainer_resume(const char *run, const char *data_directory, int thread_count, trainer **out) {
    arena *a;
    run_state *state;
    TRY(arena_create("run to resume", &a));
    sigmoe_status status = run_state_read(run, data_directory, a, &state);
    if (status == SIGMOE_OK) status = trainer_continue(state, thread_count, out);
    arena_destroy(a);
    return status;
}
