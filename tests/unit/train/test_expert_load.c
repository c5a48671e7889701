// usage.jsonl: what a run records about its blocks, cut on resume as its other logs, and read back from any file.
#include "train/loop.h"
#include "train/trainer_state.h"
#include "train/expert_load.h"

#include "train/fixture.h"

enum { STEPS = 60, RECORDS = 3, EXPERTS = 4, LAYERS = 2 };

static sigmoe_flag stop;

static void stop_at_checkpoint(void *context, const char *line) {
    (void)context;
    if (strstr(line, "checkpoint")) stop = 1;
}

static sigmoe_status train(const char *run, const char *ff, sigmoe_observer *observer, bool resume) {
    sigmoe_config config = make_config(ff ? ff : MOE);
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = run;
    request.resume = resume;
    if (!resume) {
        request.config = &config;
        request.data = in_root("data");
        request.settings = small_settings(STEPS);
        request.settings.checkpoint_every = 40;
        request.force = true;
    }
    return sigmoe_train(&request, observer, NULL);
}

static usage_history read_usage(const char *run, int64_t experts, arena *a) {
    usage_history u;
    OK(usage_history_read(run, LAYERS, experts, a, &u));
    return u;
}

static void test_a_run_records_its_blocks(void **state) {
    (void)state;
    static const char *const blocks[] = {MOE, HASH, DENSE};
    arena *a;
    OK(arena_create("test", &a));
    for (int b = 0; b < 3; b++) {
        int64_t experts = b < 2 ? EXPERTS : 0;
        OK(train(in_root("run"), blocks[b], NULL, false));
        usage_history u = read_usage(in_root("run"), experts, a);
        assert_int_equal(u.records, RECORDS);
        for (int64_t i = 0; i < u.records; i++) {
            assert_int_equal(u.step[i], i * USAGE_EVERY);
            for (int64_t l = 0; l < LAYERS; l++) {
                double sum = 0;
                assert_true(u.active[i * LAYERS + l] > 0 && u.active[i * LAYERS + l] <= (b < 2 ? 6 : 12));
                for (int64_t e = 0; e < experts; e++) sum += usage_shares(&u, i, l)[e];
                if (experts > 0) assert_near(sum, 1, 1e-4);
            }
        }
    }
    arena_destroy(a);
}

// A hash router sends token v to the K experts of its row, each with weight 1.
static void test_shares_are_those_of_the_batch(void **state) {
    (void)state;
    sigmoe_config config = make_config(HASH);
    sigmoe_train_settings settings = small_settings(1);
    dataset data;
    trainer *t;
    arena *a;
    OK(dataset_open(in_root("data"), &data));
    OK(arena_create("test", &a));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &t));
    OK(trainer_begin_run(t, in_root("one")));
    OK(trainer_run(t, "test", NULL, NULL));
    usage_history u = read_usage(in_root("one"), EXPERTS, a);
    for (int l = 0; l < LAYERS; l++) {
        char name[64];
        int64_t count[EXPERTS] = {0};
        snprintf(name, sizeof name, "layers.%d.ff.router.table", l);
        const parameter *table = parameters_find(transformer_parameters(t->model), name);
        assert_non_null(table);
        for (int i = 0; i < BATCH * UNROLL; i++)
            for (int k = 0; k < 2; k++) count[table->table[t->inputs[i] * 2 + k]]++;
        for (int e = 0; e < EXPERTS; e++)
            assert_near(usage_shares(&u, 0, l)[e], (double)count[e] / (2 * BATCH * UNROLL), 1e-5);
    }
    trainer_destroy(t);
    arena_destroy(a);
}

static void test_watching_changes_nothing(void **state) {
    (void)state;
    sigmoe_config config = make_config(MOE);
    sigmoe_train_settings settings = small_settings(STEPS);
    dataset data;
    trainer *t;
    step_report report;
    OK(dataset_open(in_root("data"), &data));
    trainer_request request = {.config = &config, .data = &data, .settings = &settings, .threads = 1};
    OK(trainer_create(&request, &t));
    for (int i = 0; i < STEPS; i++) OK(trainer_step(t, &report));
    OK(model_save(in_root("unwatched"), trainer_config(t), trainer_model(t)));
    trainer_destroy(t);
    OK(train(in_root("run"), MOE, NULL, false));
    assert_same_file(
        in_root("unwatched/model.safetensors"), in_root("run/checkpoints/00000060/model.safetensors"));
}

static void test_a_resume_cuts(void **state) {
    (void)state;
    sigmoe_observer until_checkpoint = {
        .size = sizeof(sigmoe_observer), .note = stop_at_checkpoint, .stop = &stop, .threads = 2};
    OK(train(in_root("run"), MOE, NULL, false));
    FAILS(SIGMOE_INTERRUPTED, train(in_root("parts"), MOE, &until_checkpoint, false));
    FILE *file = fopen(in_root("parts/usage.jsonl"), "a");
    fputs("{\"step\":50,\"layers\":[]}\n{\"step\":75,\"la", file);
    fclose(file);
    OK(train(in_root("parts"), NULL, NULL, true));
    assert_same_file(in_root("run/usage.jsonl"), in_root("parts/usage.jsonl"));
}

static sigmoe_status read_text_as_usage(const char *text) {
    arena *a;
    usage_history u;
    write_text(in_root("usage.jsonl"), text);
    OK(arena_create("test", &a));
    sigmoe_status status = usage_history_read(root, LAYERS, 2, a, &u);
    if (status == SIGMOE_OK) assert_int_equal(u.records, 1);
    arena_destroy(a);
    return status;
}

static void test_other_files_are_refused(void **state) {
    (void)state;
#define LAYER "{\"active\":1,\"share\":[0.5,0.5]}"
#define LINE(step) "{\"step\":" #step ",\"layers\":[" LAYER "," LAYER "]}\n"
    OK(read_text_as_usage(LINE(0)));
    OK(read_text_as_usage(LINE(0) "{\"step\":25,\"lay")); // of a run that goes on
    static const char *const wrong[] = {
        "[]\n",
        "{\"step\":0}\n",
        "{\"layers\":[" LAYER "," LAYER "]}\n",
        "{\"step\":0,\"layers\":[" LAYER "]}\n",
        "{\"step\":0,\"layers\":[" LAYER ",{\"active\":1}]}\n",
        "{\"step\":0,\"layers\":[" LAYER ",{\"active\":1,\"share\":[1]}]}\n",
        "{\"step\":0,\"layers\":[" LAYER ",{\"active\":1,\"share\":[1.5,0]}]}\n",
        "{\"step\":0,\"layers\":[" LAYER ",{\"active\":-1,\"share\":[1,0]}]}\n",
        LINE(25) LINE(25),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FAILS(SIGMOE_BAD_FORMAT, read_text_as_usage(wrong[i]));
        assert_message_has("usage.jsonl, line ");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_records_its_blocks),
        cmocka_unit_test(test_shares_are_those_of_the_batch),
        cmocka_unit_test(test_watching_changes_nothing),
        cmocka_unit_test(test_a_resume_cuts),
        cmocka_unit_test(test_other_files_are_refused),
    };
    return cmocka_run_group_tests_name("usage", tests, make_root, remove_root);
}
