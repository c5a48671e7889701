// train.json of a run from a stranger, whose data are fine.
#include "fuzz.h"

#include "config/train_settings.h"
#include "train/train_json.h"

#include <sys/stat.h>

static const char meta[] =
    "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [10, 32, 97]}, "
    "\"splits\": {\"train\": {\"tokens\": 9}}}";
static char run[FUZZ_PATH], data[FUZZ_PATH];

static void make_directories(void) {
    if (*run) return;
    if (mkdir(input_path(run, "run"), 0777) != 0 || mkdir(input_path(data, "data"), 0777) != 0) abort();
    input_write("data/meta.json", meta, sizeof meta - 1);
}

// What was changed must be what is read afterwards, and a change that is none must leave the file alone.
static void check_change(
    const sigmoe_train_settings *settings, const checkpoint_keep *keep, const run_watching *watching) {
    sigmoe_train_settings changed = *settings, read;
    dataset d;
    bool is_changed;
    changed.steps = settings->steps == 7 ? 8 : 7;
    if (train_json_change(run, 3, &changed, keep, watching) != SIGMOE_OK) return; // a history that is no list
    if (train_json_is_changed(run, &is_changed) != SIGMOE_OK || !is_changed) abort();
    if (train_json_read(run, data, &read, NULL, &d) != SIGMOE_OK) abort();
    if (train_settings_difference(&read, &changed)) abort();
}

static bool read_run(
    sigmoe_train_settings *settings, arena *a, checkpoint_keep *keep, run_watching *watching) {
    double seconds;
    dataset d;
    sigmoe_status status = train_json_read(run, data, settings, &seconds, &d);
    bool watched = train_json_kept(run, a, keep, watching) == SIGMOE_OK;
    return status == SIGMOE_OK && watched;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    sigmoe_train_settings settings;
    checkpoint_keep keep;
    run_watching watching;
    arena *a;
    make_directories();
    input_write("run/train.json", bytes, size);
    if (arena_create("fuzz", &a) != SIGMOE_OK) abort();
    if (read_run(&settings, a, &keep, &watching)) check_change(&settings, &keep, &watching);
    input_write("run/train.json", bytes, size);
    fail_an_allocation(bytes, size);
    if (read_run(&settings, a, &keep, &watching))
        (void)train_json_change(run, 3, &settings, &keep, &watching);
    fail_no_allocation();
    arena_destroy(a);
    return 0;
}
