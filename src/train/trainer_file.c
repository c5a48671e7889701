#include "train/trainer_file.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/safetensors.h"
#include "train/trainer_state.h"

#include <inttypes.h>
#include <string.h>

enum { COUNTERS, TENSORS };
const char *const trainer_file_names[] = {
    [COUNTERS] = "trainer.json", [TENSORS] = "trainer.safetensors", NULL};

// ---------------------------------------------------------------- tensors

enum { MOMENT1, MOMENT2, MOMENTS };
static const char *const moment_names[MOMENTS] = {"moment1", "moment2"};
static real *moment_of(const parameter *p, int which) {
    return which == MOMENT1 ? p->moment1 : p->moment2;
}

// A view of one of the trainer's tensors under its name in trainer.safetensors.
typedef struct state_tensor {
    char *name;
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
    tensor_range held; // what of it this process has
    real *values;      // [held.count]
    bool squares;      // their means: never negative
} state_tensor;

typedef struct state_tensors {
    state_tensor *all;
    int moments, count; // moments first, then one tensor for each layer's memory
} state_tensors;

// Lists moments (in place) and, if `rows` > 0, buffers for what this process's sequences have of the layers' memories [B, rows, d].
static sigmoe_status list_tensors(const trainer *t, int64_t rows, arena *a, state_tensors *out) {
    const parameter_list *list = transformer_parameters(t->model);
    const model_config *config = &t->config.model;
    const batch_share *own = &t->parts.share;
    int64_t each = rows * config->d_model;
    int parameters = parameters_length(list), layers = rows > 0 ? (int)config->n_layers : 0;
    TRY(ARENA_NEW(a, out->all, parameters * MOMENTS + layers));
    state_tensor *next = out->all;
    for (int which = 0; which < MOMENTS; which++)
        for (int i = 0; i < parameters; i++) {
            const parameter *p = parameters_at(list, i);
            if (!p->trainable) continue;
            *next = (state_tensor){.dims = p->dims,
                .values = moment_of(p, which),
                .held = p->moments,
                .squares = which == MOMENT2};
            memcpy(next->shape, p->shape, sizeof next->shape);
            next->name = arena_text(a, "%s.%s", moment_names[which], p->name);
            if (!next++->name) return SIGMOE_NO_MEMORY;
        }
    out->moments = (int)(next - out->all);
    for (int i = 0; i < layers; i++, next++) {
        *next = (state_tensor){.dims = 3, .shape = {t->settings.batch, rows, config->d_model}};
        next->name = arena_text(a, "memory.%d", i);
        if (!next->name) return SIGMOE_NO_MEMORY;
        next->held = (tensor_range){own->first * each, own->sequences * each};
        TRY(ARENA_NEW_RAW(a, next->values, next->held.count));
    }
    out->count = (int)(next - out->all);
    return SIGMOE_OK;
}

static sigmoe_status check_tensor(const state_tensor *s) {
    if (!all_finite(s->values, s->held.count))
        return fail(SIGMOE_NOT_FINITE, "tensor \"%s\" has values that are not finite", s->name);
    for (int64_t i = 0; s->squares && i < s->held.count; i++)
        if (s->values[i] < 0)
            return fail(
                SIGMOE_BAD_FORMAT, "tensor \"%s\" has negative values; it is a mean of squares", s->name);
    return SIGMOE_OK;
}

static sigmoe_status check_values(const state_tensors *state) {
    for (int i = 0; i < state->count; i++) TRY(check_tensor(&state->all[i]));
    return SIGMOE_OK;
}

static sigmoe_status describe(const state_tensors *state, arena *a, team_file *out) {
    *out = (team_file){.name = trainer_file_names[TENSORS], .count = state->count};
    TRY(ARENA_NEW(a, out->tensors, state->count));
    TRY(ARENA_NEW(a, out->held, state->count));
    for (int i = 0; i < state->count; i++) {
        const state_tensor *s = &state->all[i];
        out->tensors[i] =
            (tensor_to_write){.name = s->name, .type = TENSOR_F32, .dims = s->dims, .bytes = s->values};
        memcpy(out->tensors[i].shape, s->shape, sizeof s->shape);
        out->held[i] = s->held;
    }
    return SIGMOE_OK;
}

sigmoe_status trainer_file_list(const trainer *t, arena *a, team_file *out) {
    state_tensors state;
    TRY(list_tensors(t, xl_memory_length(t->memory), a, &state));
    for (int i = state.moments; i < state.count; i++)
        xl_memory_export(t->memory, i - state.moments, state.all[i].values);
    TRY(check_values(&state));
    return describe(&state, a, out);
}

static bool is_state(const void *context, const char *name) {
    const state_tensors *state = context;
    for (int i = 0; i < state->count; i++)
        if (strcmp(state->all[i].name, name) == 0) return true;
    return false;
}

static sigmoe_status fill_tensors(const safetensors_file *file, const state_tensors *state) {
    for (int i = 0; i < state->count; i++) {
        const state_tensor *s = &state->all[i];
        TRY(safetensors_read_range(file, s->name, s->dims, s->shape, s->held, s->values));
    }
    TRY(safetensors_refuse_others(file, is_state, state, "the training"));
    return check_values(state);
}

static sigmoe_status read_tensors(trainer *t, const char *path, int64_t memory_rows, arena *a) {
    state_tensors state;
    safetensors_file *file;
    TRY(list_tensors(t, memory_rows, a, &state));
    TRY(safetensors_open(path, state.count, &file));
    sigmoe_status status = fill_tensors(file, &state);
    safetensors_close(file);
    if (status != SIGMOE_OK) return fail_in(status, "%s", path);
    for (int i = state.moments; i < state.count; i++)
        xl_memory_import(t->memory, i - state.moments, state.all[i].values, memory_rows);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- counters

// Version 1 had the sums that are in the manifest now (formats/manifest.h).
enum { VERSION = 2 };

static sigmoe_status fill_counters(json_t *root, const trainer *t) {
    json_t *cursor = json_object();
    TRY(json_put(root, "version", json_integer(VERSION)));
    TRY(json_put(root, "step", json_integer(t->step)));
    TRY(json_put(root, "seed", json_integer((json_int_t)t->settings.seed)));
    TRY(json_put(root, "cursor", cursor));
    TRY(json_put(cursor, "epoch", json_integer(t->stream.epoch)));
    TRY(json_put(cursor, "position", json_integer(t->stream.position)));
    TRY(json_put(root, "memory_rows", json_integer(xl_memory_length(t->memory))));
    const odd_steps *odd = &t->odd;
    if (odd->skipped == 0 && odd->batches_left_out == 0 && odd->lr_scale == 1) return SIGMOE_OK;
    return json_put(root, "odd_steps",
        json_pack("{s:I,s:I,s:I,s:f}", "skipped", (json_int_t)odd->skipped, "skipped_in_a_row",
            (json_int_t)odd->skipped_in_a_row, "batches_left_out", (json_int_t)odd->batches_left_out,
            "lr_scale", odd->lr_scale));
}

// Most checkpoints have none.
static sigmoe_status take_odd_steps(const json_t *root, int64_t step, odd_steps *out) {
    json_t *object;
    *out = (odd_steps){.lr_scale = 1};
    if (!json_object_get(root, "odd_steps")) return SIGMOE_OK;
    TRY(json_get_object(root, "", "odd_steps", &object));
    TRY(json_get_integer(object, "odd_steps.", "skipped", 0, &out->skipped));
    TRY(json_get_integer(object, "odd_steps.", "skipped_in_a_row", 0, &out->skipped_in_a_row));
    TRY(json_get_integer(object, "odd_steps.", "batches_left_out", 0, &out->batches_left_out));
    out->lr_scale = json_number_value(json_object_get(object, "lr_scale"));
    if (out->skipped <= step && out->skipped_in_a_row <= out->skipped &&
        out->batches_left_out <= INT64_MAX / 2 && out->lr_scale > 0 && out->lr_scale <= 1)
        return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "\"odd_steps\" has numbers that no run has");
}

static sigmoe_status check_counters(const trainer *t, int64_t step, int64_t seed, int64_t memory_rows) {
    if ((uint64_t)seed != t->settings.seed)
        return fail(
            SIGMOE_BAD_FORMAT, "\"seed\" is not that of the run's train.json: it belongs to another run");
    if (t->step != step)
        return fail(SIGMOE_BAD_FORMAT,
            "\"step\" is %" PRId64 ", the checkpoint's directory is named for step %" PRId64, t->step, step);
    if (t->step > t->settings.steps || memory_rows > xl_memory_capacity(t->memory))
        return fail(SIGMOE_BAD_FORMAT, "step or memory lie beyond the run's end");
    const batch_stream *s = &t->stream;
    int64_t each = batch_stream_steps_per_epoch(s), now = s->position / s->unroll,
            before = t->step + t->odd.batches_left_out - now;
    // Divides rather than multiplies, since the epoch can be any number.
    bool fits =
        s->position % s->unroll == 0 && now <= each && before % each == 0 && s->epoch == before / each;
    if (!fits) return fail(SIGMOE_BAD_FORMAT, "\"cursor\" is not where step %" PRId64 " leaves it", t->step);
    return SIGMOE_OK;
}

static sigmoe_status take_counters(trainer *t, const json_t *root, int64_t step, int64_t *memory_rows) {
    int64_t version, seed;
    json_t *cursor;
    TRY(json_get_integer(root, "", "version", 1, &version));
    if (version > VERSION)
        return fail(
            SIGMOE_BAD_FORMAT, "\"version\" is %" PRId64 "; this program reads up to %d", version, VERSION);
    TRY(json_get_integer(root, "", "step", 0, &t->step));
    TRY(json_get_integer(root, "", "seed", 0, &seed));
    TRY(json_get_integer(root, "", "memory_rows", 0, memory_rows));
    TRY(take_odd_steps(root, t->step, &t->odd));
    TRY(json_get_object(root, "", "cursor", &cursor));
    TRY(json_get_integer(cursor, "cursor.", "epoch", 0, &t->stream.epoch));
    TRY(json_get_integer(cursor, "cursor.", "position", 0, &t->stream.position));
    return check_counters(t, step, seed, *memory_rows);
}

// ---------------------------------------------------------------- both files

sigmoe_status trainer_file_write_counters(const trainer *t, const char *directory) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s", directory, trainer_file_names[COUNTERS]));
    json_t *root = json_object();
    return json_save(fill_counters(root, t), path, root);
}

static sigmoe_status read_json(trainer *t, const char *directory, int64_t step, int64_t *memory_rows) {
    char path[PATH_CAPACITY];
    json_t *root;
    TRY(path_format(path, "%s/%s", directory, trainer_file_names[COUNTERS]));
    TRY(json_read_object(path, &root));
    sigmoe_status status = take_counters(t, root, step, memory_rows);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

sigmoe_status trainer_file_read(trainer *t, const char *directory, int64_t step) {
    char path[PATH_CAPACITY];
    int64_t memory_rows = 0;
    arena *a;
    TRY(read_json(t, directory, step, &memory_rows));
    TRY(path_format(path, "%s/%s", directory, trainer_file_names[TENSORS]));
    TRY(arena_create("checkpoint", &a));
    sigmoe_status status = read_tensors(t, path, memory_rows, a);
    arena_destroy(a);
    return status;
}
