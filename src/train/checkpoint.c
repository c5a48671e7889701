#include "train/checkpoint.h"

#include "formats/json_options.h"
#include "formats/safetensors.h"
#include "train/json_objects.h"
#include "train/model_file.h"
#include "train/trainer_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHECKPOINTS_KEPT = 2, LEAST_DIGITS = 8, MOST_DIGITS = 18 };

// ---------------------------------------------------------------- finding

sigmoe_status checkpoint_path(const char *run, int64_t step, char path[PATH_CAPACITY]) {
    return path_format(path, "%s/checkpoints/%0*" PRId64, run, LEAST_DIGITS, step);
}

// The step that a directory is named for; -1 for other names (".partial", what people put there).
static int64_t named_step(const char *name) {
    size_t digits = strspn(name, "0123456789");
    bool named = name[digits] == '\0' && digits >= LEAST_DIGITS && digits <= MOST_DIGITS;
    return named ? strtoll(name, NULL, 10) : -1;
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
        int64_t step = named_step(names[i]);
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
        SIGMOE_BAD_ARGUMENT, "%s has no finished checkpoint yet: start the training again with --force", run);
}

sigmoe_status model_locate(const char *path, char directory[PATH_CAPACITY]) {
    TRY(path_format(directory, "%s/config.json", path));
    if (path_exists(directory)) return path_format(directory, "%s", path);
    TRY(path_format(directory, "%s/checkpoints", path));
    if (path_exists(directory)) return checkpoint_newest(path, directory);
    return fail(SIGMOE_IO,
        "%s is neither a model directory (with config.json) nor a training run (with checkpoints)", path);
}

// ---------------------------------------------------------------- the trainer's tensors

enum { MOMENT1, MOMENT2, MOMENTS };
static const char *const moment_names[MOMENTS] = {"moment1", "moment2"};
static real *moment_of(const parameter *p, int which) {
    return which == MOMENT1 ? p->moment1 : p->moment2;
}

// A view on one of the trainer's tensors under its name in trainer.safetensors.
typedef struct state_tensor {
    char *name;
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
    real *values;
} state_tensor;

typedef struct state_tensors {
    state_tensor *all;
    int moments, count; // moments first, then one of each layer's memory
} state_tensors;

// Lists moments (in place) and, when `rows` > 0, buffers [B, rows, d] for the layers' memories.
static sigmoe_status list_tensors(const trainer *t, int64_t rows, arena *a, state_tensors *out) {
    const parameter_list *list = transformer_parameters(t->model);
    const model_config *config = &t->config.model;
    int parameters = parameters_length(list), layers = rows > 0 ? (int)config->n_layers : 0;
    TRY(ARENA_NEW(a, out->all, parameters * MOMENTS + layers));
    state_tensor *next = out->all;
    for (int which = 0; which < MOMENTS; which++)
        for (int i = 0; i < parameters; i++) {
            const parameter *p = parameters_at(list, i);
            if (!p->trainable) continue;
            *next = (state_tensor){.dims = p->dims, .values = moment_of(p, which)};
            memcpy(next->shape, p->shape, sizeof next->shape);
            next->name = arena_text(a, "%s.%s", moment_names[which], p->name);
            if (!next++->name) return SIGMOE_NO_MEMORY;
        }
    out->moments = (int)(next - out->all);
    for (int i = 0; i < layers; i++, next++) {
        *next = (state_tensor){.dims = 3, .shape = {t->settings.batch, rows, config->d_model}};
        next->name = arena_text(a, "memory.%d", i);
        if (!next->name) return SIGMOE_NO_MEMORY;
        TRY(ARENA_NEW_RAW(a, next->values, t->settings.batch * rows * config->d_model));
    }
    out->count = (int)(next - out->all);
    return SIGMOE_OK;
}

static sigmoe_status write_tensors(const trainer *t, const char *path, arena *a) {
    state_tensors state;
    tensor_to_write *tensors;
    TRY(list_tensors(t, xl_memory_length(t->memory), a, &state));
    for (int i = state.moments; i < state.count; i++)
        xl_memory_export(t->memory, i - state.moments, state.all[i].values);
    TRY(ARENA_NEW(a, tensors, state.count));
    for (int i = 0; i < state.count; i++) {
        const state_tensor *s = &state.all[i];
        tensors[i] =
            (tensor_to_write){.name = s->name, .type = TENSOR_F32, .dims = s->dims, .bytes = s->values};
        memcpy(tensors[i].shape, s->shape, sizeof s->shape);
    }
    return safetensors_write(path, tensors, state.count);
}

static sigmoe_status read_tensors(trainer *t, const char *path, int64_t memory_rows, arena *a) {
    state_tensors state;
    safetensors_file *file;
    TRY(list_tensors(t, memory_rows, a, &state));
    TRY(safetensors_open(path, state.count, &file));
    sigmoe_status status = SIGMOE_OK;
    for (int i = 0; status == SIGMOE_OK && i < state.count; i++) {
        const state_tensor *s = &state.all[i];
        status = safetensors_read_f32(file, s->name, s->dims, s->shape, s->values);
    }
    safetensors_close(file);
    if (status != SIGMOE_OK) return fail_in(status, "%s", path);
    for (int i = state.moments; i < state.count; i++)
        xl_memory_import(t->memory, i - state.moments, state.all[i].values, memory_rows);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the trainer's counters

static sigmoe_status fill_counters(json_t *root, const trainer *t) {
    json_t *cursor = json_object();
    TRY(json_put(root, "version", json_integer(1)));
    TRY(json_put(root, "step", json_integer(t->step)));
    TRY(json_put(root, "seed", json_integer((json_int_t)t->settings.seed)));
    TRY(json_put(root, "cursor", cursor));
    TRY(json_put(cursor, "epoch", json_integer(t->stream.epoch)));
    TRY(json_put(cursor, "position", json_integer(t->stream.position)));
    return json_put(root, "memory_rows", json_integer(xl_memory_length(t->memory)));
}

static sigmoe_status write_counters(const trainer *t, const char *path) {
    json_t *root = json_object();
    sigmoe_status status = fill_counters(root, t);
    if (status == SIGMOE_OK) status = json_write(path, root);
    json_decref(root);
    return status;
}

static sigmoe_status take_counters(trainer *t, const json_t *root, int64_t *memory_rows) {
    int64_t version, seed;
    json_t *cursor;
    TRY(json_get_integer(root, "", "version", 1, &version));
    TRY(json_get_integer(root, "", "step", 0, &t->step));
    TRY(json_get_integer(root, "", "seed", 0, &seed));
    TRY(json_get_integer(root, "", "memory_rows", 0, memory_rows));
    TRY(json_get_object(root, "", "cursor", &cursor));
    TRY(json_get_integer(cursor, "cursor.", "epoch", 0, &t->stream.epoch));
    TRY(json_get_integer(cursor, "cursor.", "position", 0, &t->stream.position));
    if (version != 1)
        return fail(SIGMOE_BAD_FORMAT, "\"version\" is %" PRId64 "; this program reads 1", version);
    if ((uint64_t)seed != t->settings.seed)
        return fail(
            SIGMOE_BAD_FORMAT, "\"seed\" is not that of the run's train.json: it belongs to another run");
    if (t->step > t->settings.steps || t->stream.position > t->stream.length ||
        *memory_rows > xl_memory_capacity(t->memory))
        return fail(SIGMOE_BAD_FORMAT, "step, cursor or memory lie beyond the run's end");
    return SIGMOE_OK;
}

static sigmoe_status read_counters(trainer *t, const char *path, int64_t *memory_rows) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = take_counters(t, root, memory_rows);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

// ---------------------------------------------------------------- writing

static sigmoe_status fill_directory(const trainer *t, const char *directory) {
    char path[PATH_CAPACITY];
    arena *a;
    TRY(model_write(directory, &t->config, t->model));
    TRY(path_format(path, "%s/trainer.json", directory));
    TRY(write_counters(t, path));
    TRY(path_format(path, "%s/trainer.safetensors", directory));
    TRY(arena_create("checkpoint", &a));
    sigmoe_status status = write_tensors(t, path, a);
    arena_destroy(a);
    return status;
}

// The first one's weights follow from the seed: it goes when there is another.
static sigmoe_status remove_old(const char *run) {
    arena *a;
    int64_t *steps;
    int count;
    char path[PATH_CAPACITY];
    TRY(arena_create("checkpoint list", &a));
    sigmoe_status status = checkpoint_steps(run, a, &steps, &count);
    for (int i = 1; status == SIGMOE_OK && i < count; i++) {
        if (i < CHECKPOINTS_KEPT && steps[i] > 0) continue;
        status = checkpoint_path(run, steps[i], path);
        if (status == SIGMOE_OK) status = directory_remove(path);
    }
    arena_destroy(a);
    return status;
}

sigmoe_status checkpoint_write(trainer *t) {
    char final[PATH_CAPACITY], partial[PATH_CAPACITY];
    if (t->last_checkpoint == t->step) return SIGMOE_OK;
    TRY(checkpoint_path(t->run, t->step, final));
    TRY(path_format(partial, "%s.partial", final));
    TRY(run_log_sync(&t->log));
    TRY(output_claim(partial, true)); // of a run that was killed
    TRY(directory_make(partial));
    sigmoe_status status = fill_directory(t, partial);
    if (status == SIGMOE_OK) status = directory_commit(partial, final);
    if (status != SIGMOE_OK) {
        fail_in(
            status, "the checkpoint of step %" PRId64 " was not written, earlier ones are whole", t->step);
        directory_remove(partial);
        return status;
    }
    t->last_checkpoint = t->step;
    // What the next one copies must outlive the older ones, one of which this run may have begun with.
    TRY(tokenizer_find_model(&t->config.tokenizer, final));
    return remove_old(t->run);
}

// ---------------------------------------------------------------- resuming

static sigmoe_status load_state(trainer *t, const char *directory) {
    char path[PATH_CAPACITY];
    int64_t memory_rows;
    arena *a;
    TRY(path_format(path, "%s/trainer.json", directory));
    TRY(read_counters(t, path, &memory_rows));
    TRY(model_read_weights(directory, transformer_parameters(t->model)));
    TRY(path_format(path, "%s/trainer.safetensors", directory));
    TRY(arena_create("checkpoint", &a));
    sigmoe_status status = read_tensors(t, path, memory_rows, a);
    arena_destroy(a);
    t->last_checkpoint = t->step;
    return status;
}

sigmoe_status trainer_resume(const char *run, const char *data_directory, int thread_count, trainer **out) {
    char directory[PATH_CAPACITY], path[PATH_CAPACITY];
    sigmoe_config config;
    sigmoe_train_settings settings;
    dataset data;
    trainer *t;
    TRY(train_json_read(run, data_directory, &settings, &data));
    TRY(checkpoint_newest(run, directory));
    TRY(path_format(path, "%s/config.json", directory));
    TRY(config_read(path, &config));
    TRY(model_check_weights(directory, &config.model));
    trainer_request request = {
        .config = &config, .data = &data, .settings = &settings, .threads = thread_count};
    TRY(trainer_build(&request, &t));
    sigmoe_status status = load_state(t, directory);
    if (status == SIGMOE_OK) status = trainer_attach_run(t, run);
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}
