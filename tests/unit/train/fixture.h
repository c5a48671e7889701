// A small data set and small models in a temporary directory, for tests of training.
#pragma once

#include "system/file.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_sealed.h"
#include "train/checkpoint.h"
#include "train/checkpoint_write.h"
#include "train/resume.h"
#include "config/model_directory.h"
#include "config/train_settings.h"
#include "train/trainer.h"
#include "model/workspace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Include after the project's headers: cmocka has a macro named fail.
#include <setjmp.h>

#include <cmocka.h>

enum { VOCABULARY = 11, UNROLL = 4, BATCH = 2, TRAIN_TOKENS = 61, VALID_TOKENS = 40 };

#define OK(expression) assert_int_equal_told((expression), SIGMOE_OK, #expression)
#define FAILS(status, expression) assert_int_equal_told((expression), (status), #expression)

static inline void assert_int_equal_told(sigmoe_status got, sigmoe_status expected, const char *expression) {
    if (got != expected) print_error("%s: status %d: %s\n", expression, got, sigmoe_message());
    assert_int_equal(got, expected);
}

static inline void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance)) print_error("%.17g, expected %.17g\n", got, expected);
    assert_true(fabs(got - expected) <= tolerance);
}

static inline void assert_message_has(const char *text) {
    if (!strstr(sigmoe_message(), text)) print_error("\"%s\" is not in: %s\n", text, sigmoe_message());
    assert_non_null(strstr(sigmoe_message(), text));
}

static char root[64];

// A path in the test's directory; a few at a time stay valid.
static inline const char *in_root(const char *name) {
    static char paths[8][PATH_CAPACITY];
    static int next;
    char *path = paths[next++ % 8];
    assert_true(*root); // make_root has run
    snprintf(path, PATH_CAPACITY, "%s/%s", root, name);
    return path;
}

static inline void write_split(const char *directory, const char *split, int64_t count, uint32_t salt) {
    token_writer *w;
    int32_t token[1];
    OK(token_writer_open(directory, split, VOCABULARY, 0, &w));
    random_stream stream = {.seed = salt, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < count; i++) {
        token[0] = (int32_t)(random_bits(stream, (uint64_t)i) % VOCABULARY);
        OK(token_writer_add(w, token, 1));
    }
    OK(token_writer_commit(w));
}

static inline void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline char *read_text(const char *path) {
    file_map map;
    OK(file_map_open(path, &map));
    char *text = calloc(1, map.size + 1);
    assert_non_null(text);
    if (map.size) memcpy(text, map.bytes, map.size);
    file_map_close(&map);
    return text;
}

static inline void assert_same_file(const char *a, const char *b) {
    file_map x, y;
    OK(file_map_open(a, &x));
    OK(file_map_open(b, &y));
    if (x.size != y.size || memcmp(x.bytes, y.bytes, x.size) != 0) print_error("%s and %s differ\n", a, b);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.bytes, y.bytes, x.size);
    file_map_close(&x);
    file_map_close(&y);
}

// Asserts that all files of the checkpoints of `step` are equal in the two runs.
static inline void assert_same_checkpoint(const char *a, const char *b, int64_t step) {
    static const char *const files[] = {
        "config.json", "model.safetensors", "trainer.json", "trainer.safetensors"};
    for (int i = 0; i < 4; i++) {
        char x[PATH_CAPACITY], y[PATH_CAPACITY], file_x[PATH_CAPACITY], file_y[PATH_CAPACITY];
        OK(checkpoint_path(a, step, x));
        OK(checkpoint_path(b, step, y));
        OK(path_format(file_x, "%s/%s", x, files[i]));
        OK(path_format(file_y, "%s/%s", y, files[i]));
        assert_same_file(file_x, file_y);
    }
}

static inline int make_root(void **state) {
    (void)state;
    snprintf(root, sizeof root, "/tmp/sigmoe-train-XXXXXX");
    if (!mkdtemp(root)) return -1;
    if (directory_make(in_root("data")) != SIGMOE_OK) return -1;
    write_split(in_root("data"), "train", TRAIN_TOKENS, 1);
    write_split(in_root("data"), "valid", VALID_TOKENS, 2);
    write_split(in_root("data"), "test", VALID_TOKENS, 3);
    write_text(in_root("data/meta.json"),
        "{\"vocab_size\": 11, \"tokenizer\": {\"type\": \"none\"}, \"source\": \"drawn\", \"splits\": {"
        "\"valid\": {\"tokens\": 40, \"bytes\": 80, \"chars\": 60, \"words\": 10, \"sha256\": \"00\"}}}");
    return 0;
}

static inline int remove_root(void **state) {
    (void)state;
    return directory_remove(root) == SIGMOE_OK ? 0 : -1;
}

// The text of a config.json with `ff` as its last member.
static inline const char *config_text(const char *ff) {
    static char text[2048];
    snprintf(text, sizeof text,
        "{\"model_type\": \"sigmoe\", \"version\": 1, \"vocab_size\": %d, \"d_model\": 8, "
        "\"n_layers\": 2, \"n_heads\": 2, \"d_head\": 3, \"dropout\": 0.1, \"unroll\": %d, "
        "\"memory_segments\": {\"train\": 1, \"eval\": 2}, \"tokenizer\": {\"type\": \"none\"}, "
        "\"ff\": %s}",
        VOCABULARY, UNROLL, ff);
    return text;
}

#define MOE                                                                                                  \
    "{\"type\": \"moe\", \"n_experts\": 4, \"expert_size\": 3, \"k\": 2, \"router\": \"sigmoid\", "          \
    "\"expert_dropout\": 0.2, \"regularizer\": \"entropy\", \"regularizer_weight\": 0.01}"
#define HASH                                                                                                 \
    "{\"type\": \"moe\", \"n_experts\": 4, \"expert_size\": 3, \"k\": 2, \"router\": \"hash\", "             \
    "\"regularizer\": \"none\"}"
#define DENSE "{\"type\": \"dense\", \"d_ff\": 12}"

static inline sigmoe_config make_config(const char *ff) {
    sigmoe_config config;
    write_text(in_root("config.json"), config_text(ff));
    OK(config_read(in_root("config.json"), &config));
    return config;
}

static inline sigmoe_train_settings small_settings(int64_t steps) {
    sigmoe_train_settings settings = train_settings_default();
    settings.batch = BATCH;
    settings.steps = steps;
    settings.lr = 0.01;
    settings.warmup = 3;
    settings.seed = 7;
    return settings;
}

// A trainer that goes on with a run, without changes.
static inline sigmoe_status resume_trainer(const char *run, int thread_count, trainer **out) {
    arena *a;
    run_state *state;
    OK(arena_create("test", &a));
    sigmoe_status status = run_state_read(run, NULL, NULL, a, &state);
    if (status == SIGMOE_OK) status = trainer_continue(state, thread_count, out);
    arena_destroy(a);
    return status;
}

// Writes train.json as version 0.1.0 did, which had no seal.
static inline void write_unsealed(const char *path, json_t *object) {
    (void)json_object_del(object, "version");
    (void)json_object_del(object, "keep");
    (void)json_object_del(object, "on_nonfinite");
    (void)json_object_del(object, "sha256");
    OK(json_write(path, object));
}

// Makes a checkpoint one of before there were sums.
static inline void forget_sums(const char *checkpoint) {
    char path[PATH_CAPACITY];
    json_t *counters;
    OK(path_format(path, "%s/manifest.json", checkpoint));
    assert_int_equal(unlink(path), 0);
    OK(path_format(path, "%s/trainer.json", checkpoint));
    OK(json_read_object(path, &counters));
    assert_int_equal(json_object_set_new(counters, "version", json_integer(1)), 0);
    OK(json_write(path, counters));
    json_decref(counters);
}
