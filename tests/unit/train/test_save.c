// Checkpoints that are asked for while a run goes on change nothing but what is saved.
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STEPS = 16, MOST_SAVED = 64 };

typedef struct listener {
    volatile int saves, stop;
    const char *trigger; // a note that has this in it asks to save; NULL: none does
    int64_t saved[MOST_SAVED];
    int count;
} listener;

static void on_note(void *context, const char *line) {
    listener *l = context;
    long long step;
    int end = 0;
    if (sscanf(line, "step %lld: checkpoint written%n", &step, &end) == 1 && end > 0 && l->count < MOST_SAVED)
        l->saved[l->count++] = step;
    if (l->trigger && strstr(line, l->trigger)) l->saves++;
}

static void train(const char *run, const char *ff, int64_t valid_every, listener *l) {
    sigmoe_config config = make_config(ff);
    sigmoe_observer observer = {
        .note = on_note, .context = l, .stop = &l->stop, .threads = 1, .save = &l->saves};
    sigmoe_train_request request;
    sigmoe_train_result result;
    sigmoe_train_defaults(&request);
    request.config = &config;
    request.data = in_root("data");
    request.out = run;
    request.settings = small_settings(STEPS);
    request.settings.valid_every = valid_every;
    OK(sigmoe_train(&request, &observer, &result));
}

static void test_saves_and_goes_on(void **state) {
    (void)state;
    listener quiet = {0},
             asks = {.saves = 3, .trigger = "valid"}; // what was asked before it began does not count
    train(in_root("whole"), MOE, 4, &quiet);
    assert_int_equal(quiet.count, 1);
    train(in_root("saved"), MOE, 4, &asks);
    // A validation's line comes before the step that follows; the last one's when all is done.
    static const int64_t expected[] = {5, 9, 13, 16};
    assert_int_equal(asks.count, 4);
    for (int i = 0; i < asks.count; i++) assert_int_equal(asks.saved[i], expected[i]);
    assert_same_checkpoint(in_root("whole"), in_root("saved"), STEPS);
    assert_same_file(in_root("whole/valid.jsonl"), in_root("saved/valid.jsonl"));
}

typedef struct pest {
    listener *listener;
    _Atomic bool done;
} pest;

static void *ask_without_end(void *context) {
    pest *p = context;
    while (!p->done) p->listener->saves = p->listener->saves % 1000 + 1;
    return NULL;
}

// Whenever the loop looks, inside of validations too, there is a new request.
static void test_asked_all_the_time(void **state) {
    (void)state;
    listener quiet = {0}, asked = {0};
    pest p = {.listener = &asked};
    pthread_t thread;
    train(in_root("alone"), DENSE, 1, &quiet);
    assert_int_equal(pthread_create(&thread, NULL, ask_without_end, &p), 0);
    train(in_root("pestered"), DENSE, 1, &asked);
    p.done = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(asked.count > 1); // how many is the scheduler's choice
    for (int i = 0; i < asked.count; i++) assert_true(i == 0 || asked.saved[i] > asked.saved[i - 1]);
    assert_same_checkpoint(in_root("alone"), in_root("pestered"), STEPS);
    assert_same_file(in_root("alone/valid.jsonl"), in_root("pestered/valid.jsonl"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saves_and_goes_on),
        cmocka_unit_test(test_asked_all_the_time),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
