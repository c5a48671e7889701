// Several models in several threads of one process: each computes and trains what it does alone, to the bit.
#include "train/fixture.h"

#include <pthread.h>

enum { WORKERS = 6, STEPS = 6, LENGTH = 3 * UNROLL };

static const char *const blocks[WORKERS] = {MOE, DENSE, MOE, "{\"type\": \"topk\", \"d_ff\": 12, \"k\": 4}",
    "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 4, \"knn\": 3, \"activation\": \"relu\"}", MOE};

typedef struct worker {
    int index;
    const char *place; // where its runs go
    pthread_barrier_t *together;
    sigmoe_status status;
    char message[512];
    float logits[2][LENGTH * VOCABULARY]; // fresh, and trained
    char run[PATH_CAPACITY];
    int64_t seen; // notes that reached its observer
    double done;  // as its observer heard
} worker;

static void on_note(void *context, const char *line) {
    worker *w = context;
    if (strstr(line, "checkpoint")) w->seen++;
}

// With somebody who watches, the share of the processor's peak is worked out, too.
static void on_progress(void *context, const sigmoe_progress *progress) {
    worker *w = context;
    w->done = progress->done;
}

static sigmoe_status compute(sigmoe_model *model, float *logits) {
    int32_t tokens[LENGTH];
    for (int i = 0; i < LENGTH; i++) tokens[i] = i * 7 % VOCABULARY;
    return sigmoe_model_logits(model, tokens, 1, LENGTH, logits);
}

static sigmoe_status fresh(const worker *w, const sigmoe_config *config, float *logits) {
    sigmoe_model *model;
    TRY(sigmoe_model_create(config, (uint64_t)w->index + 1, 1 + w->index % 2, &model));
    sigmoe_status status = compute(model, logits);
    sigmoe_model_free(model);
    return status;
}

static sigmoe_status trained(worker *w, const sigmoe_config *config, const char *data) {
    sigmoe_train_request request;
    sigmoe_observer observer;
    sigmoe_train_result result;
    sigmoe_model *model;
    sigmoe_train_defaults(&request);
    sigmoe_observer_defaults(&observer);
    request.config = config;
    request.data = data;
    request.out = w->run;
    request.settings = small_settings(STEPS);
    request.settings.seed = (uint64_t)w->index;
    request.settings.dtype = w->index % 2 ? SIGMOE_BF16 : SIGMOE_F32;
    observer.progress = on_progress;
    observer.note = on_note;
    observer.context = w;
    observer.threads = 1 + w->index % 2;
    TRY(sigmoe_train(&request, &observer, &result));
    sigmoe_status status = sigmoe_model_load(result.checkpoint, 1, &model);
    sigmoe_free(result.checkpoint);
    TRY(status);
    status = compute(model, w->logits[1]);
    sigmoe_model_free(model);
    return status;
}

// Each thread reads and checks a configuration of its own, too, and fails once with a sentence of its own.
static sigmoe_status work(worker *w) {
    char data[PATH_CAPACITY], file[PATH_CAPACITY], key[32];
    sigmoe_config *config;
    TRY(path_format(data, "%s/data", root));
    TRY(path_format(w->run, "%s/%s-%d", root, w->place, w->index));
    TRY(path_format(file, "%s/config-%d.json", root, w->index));
    TRY(sigmoe_config_from_file(file, &config));
    sigmoe_status status = fresh(w, config, w->logits[0]);
    if (status == SIGMOE_OK) status = trained(w, config, data);
    snprintf(key, sizeof key, "nonsense_%d", w->index);
    if (status == SIGMOE_OK && sigmoe_config_set(config, key, "1") != SIGMOE_BAD_ARGUMENT)
        status = SIGMOE_BAD_FORMAT;
    if (status == SIGMOE_OK && !strstr(sigmoe_message(), key)) status = SIGMOE_IO;
    sigmoe_config_free(config);
    return status;
}

static void *carry_out(void *context) {
    worker *w = context;
    if (w->together) pthread_barrier_wait(w->together);
    w->status = work(w);
    snprintf(w->message, sizeof w->message, "%s", sigmoe_message());
    return NULL;
}

static void all_at_once_compute_what_each_does_alone(void **state) {
    (void)state;
    static worker at_once[WORKERS], alone[WORKERS];
    pthread_t thread[WORKERS];
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, WORKERS), 0);
    for (int i = 0; i < WORKERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "config-%d.json", i);
        write_text(in_root(name), config_text(blocks[i]));
        at_once[i] = (worker){.index = i, .place = "at-once", .together = &together};
        alone[i] = (worker){.index = i, .place = "alone"};
    }
    // First, so that what is made once in a process is made by several threads at the same time.
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, carry_out, &at_once[i]), 0);
    for (int i = 0; i < WORKERS; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < WORKERS; i++) {
        carry_out(&alone[i]);
        if (alone[i].status != SIGMOE_OK) fail_msg("worker %d alone: %s", i, alone[i].message);
        if (at_once[i].status != SIGMOE_OK) fail_msg("worker %d: %s", i, at_once[i].message);
        assert_memory_equal(at_once[i].logits, alone[i].logits, sizeof alone[i].logits);
        assert_same_checkpoint(at_once[i].run, alone[i].run, STEPS);
        assert_int_equal(at_once[i].seen, alone[i].seen);
        assert_true(at_once[i].seen > 0 && at_once[i].done == STEPS);
    }
    pthread_barrier_destroy(&together);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once_compute_what_each_does_alone),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
