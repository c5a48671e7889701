#include "watch/watch.h"

#include "base/text_stream.h"
#include "config/config_file.h"
#include "formats/json_objects.h"
#include "system/file_lock.h"
#include "system/output_kind.h"
#include "train/checkpoint.h"
#include "train/train_json.h"

#include <stdlib.h>

sigmoe_status watch_open(const char *run, sigmoe_watch *w) {
    char path[PATH_CAPACITY];
    TRY(path_trimmed(w->name, run));
    TRY(path_format(path, "%s/train.json", w->name));
    if (!path_exists(path))
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no training run: it has no train.json", w->name);
    return run_series_open(&w->series, w->name);
}

// The tokens of a stream in a step, as the newest checkpoint has them; without it, no time that is left can be told.
static void find_unroll(sigmoe_watch *w) {
    char path[PATH_CAPACITY];
    sigmoe_config *config = malloc(sizeof *config); // too large for the stack
    if (config && model_config_path(w->name, path) == SIGMOE_OK && config_read(path, config) == SIGMOE_OK)
        w->unroll = config->model.unroll;
    free(config);
}

static sigmoe_status read_settings(const sigmoe_watch *w, int64_t *steps, int64_t *batch) {
    json_t *root, *settings;
    TRY(train_json_open(w->name, &root));
    sigmoe_status status = json_get_object(root, "", "settings", &settings);
    if (status == SIGMOE_OK) status = json_get_integer(settings, "settings.", "steps", 0, steps);
    if (status == SIGMOE_OK) status = json_get_integer(settings, "settings.", "batch", 1, batch);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s/train.json", w->name);
}

static run_state state_of(const sigmoe_watch *w, int64_t steps) {
    char lock[PATH_CAPACITY];
    const series *done = &w->series.steps;
    if (path_format(lock, "%s/" LOCK_NAME, w->name) == SIGMOE_OK && file_lock_held(lock)) return RUN_TRAINING;
    return (done->count > 0 ? done->step[done->count - 1] + 1 : 0) >= steps ? RUN_DONE : RUN_STOPPED;
}

sigmoe_status watch_look(sigmoe_watch *w, const sigmoe_watch_request *request, char **text, bool *training) {
    int64_t steps, batch;
    text_stream out;
    TRY(read_settings(w, &steps, &batch));
    if (w->unroll == 0) find_unroll(w);
    run_state state = state_of(w, steps); // before the logs: what a run that has ended wrote is all there
    TRY(run_series_read(&w->series, true));
    if (state != RUN_TRAINING) state = state_of(w, steps);
    run_screen screen = {.name = w->name,
        .series = &w->series,
        .state = state,
        .steps = steps,
        .columns = request->columns,
        .lines = request->lines,
        .color = request->color};
    if (!size_product(&screen.step_tokens, batch, w->unroll)) screen.step_tokens = 0;
    TRY(text_stream_open(&out));
    screen_print(out.out, &screen);
    TRY(text_stream_close(&out));
    *text = out.text;
    *training = state == RUN_TRAINING;
    return SIGMOE_OK;
}
