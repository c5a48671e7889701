// Structs of callers that were compiled with an older header or a newer one: nothing beyond their size is touched, what an older
// one lacks counts as 0, and a request that was never set up is told so.
#include "train/fixture.h"

#include "api/request.h"

#include <sys/mman.h>

// The last `size` bytes before memory that nobody may touch.
static void *at_the_edge(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED && size <= page);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    memset(pages, 0x5a, page);
    return pages + page - size;
}

static void defaults_stay_within_an_older_struct(void **state) {
    (void)state;
    const size_t size = offsetof(sigmoe_eval_request, stride);
    sigmoe_eval_request *request = at_the_edge(size);
    sigmoe_eval_defaults_sized(request, size);
    assert_int_equal(request->size, size);
    assert_int_equal(request->batch, 4);
    assert_string_equal(request->split, "test");
    sigmoe_observer *observer = at_the_edge(offsetof(sigmoe_observer, save));
    sigmoe_observer_defaults_sized(observer, offsetof(sigmoe_observer, save));
    assert_null(observer->stop);
    assert_int_equal(observer->threads, 0);
    sigmoe_sweep_request *sweep = at_the_edge(offsetof(sigmoe_sweep_request, checkpoint_seconds));
    OK(sigmoe_sweep_defaults_sized("tab10-wt-s", sweep, offsetof(sigmoe_sweep_request, checkpoint_seconds)));
    assert_int_equal(sweep->jobs, 1);
}

static void an_older_request_works(void **state) {
    (void)state;
    const size_t size = offsetof(sigmoe_train_request, resume), observed = offsetof(sigmoe_observer, save);
    sigmoe_config config = make_config(MOE);
    sigmoe_train_request *request = at_the_edge(size);
    sigmoe_observer *observer = at_the_edge(observed);
    sigmoe_train_defaults_sized(request, size);
    sigmoe_observer_defaults_sized(observer, observed);
    request->config = &config;
    request->data = in_root("data");
    request->out = in_root("older");
    request->settings = small_settings(2);
    sigmoe_train_result result;
    OK(sigmoe_train(request, observer, &result));
    assert_int_equal(result.steps, 2);
    sigmoe_free(result.checkpoint);
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_train(request, observer, &result)); // force is 0
    assert_message_has("exists already");
}

typedef struct newer_request {
    sigmoe_eval_request known;
    int64_t unknown;
} newer_request;

static void a_newer_request_works_while_it_asks_for_nothing_new(void **state) {
    (void)state;
    newer_request newer;
    memset(&newer, 0x5a, sizeof newer);
    sigmoe_eval_defaults_sized(&newer.known, sizeof newer);
    assert_int_equal(newer.known.size, sizeof newer);
    assert_int_equal(newer.unknown, 0);
    sigmoe_eval_request own;
    OK(REQUEST_READ(own, &newer.known, "eval"));
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.memory_segments, -1);
    newer.unknown = 1;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&newer.known, NULL, &(sigmoe_scores){0}));
    assert_message_has("sets a member that sigmoe");
}

// Every call with a request of its kind that nobody set up.
static void a_request_without_a_size_is_told_what_to_call(void **state) {
    (void)state;
    char *text;
    const sigmoe_observer unset = {.threads = 1};
    sigmoe_eval_request eval;
    sigmoe_eval_defaults(&eval);
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&eval, &unset, &(sigmoe_scores){0}));
    assert_message_has("the observer's size is 0: call sigmoe_observer_defaults first");
    eval.size = (size_t)-1;
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(&eval, NULL, &(sigmoe_scores){0}));
    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_evaluate(NULL, NULL, &(sigmoe_scores){0}));
#define TELLS(name, call)                                                                                    \
    FAILS(SIGMOE_BAD_ARGUMENT, call);                                                                        \
    assert_message_has("the request's size is 0: call sigmoe_" name "_defaults first")
    TELLS("prepare", sigmoe_prepare(&(sigmoe_prepare_request){0}, NULL));
    TELLS("train", sigmoe_train(&(sigmoe_train_request){0}, NULL, NULL));
    TELLS("eval", sigmoe_evaluate(&(sigmoe_eval_request){0}, NULL, NULL));
    TELLS("forward", sigmoe_forward(&(sigmoe_forward_request){0}, NULL));
    TELLS("quantize", sigmoe_quantize(&(sigmoe_quantize_request){0}, NULL));
    TELLS("compare", sigmoe_compare(&(sigmoe_compare_request){0}, NULL, &text));
    TELLS("sweep", sigmoe_sweep(&(sigmoe_sweep_request){0}, NULL, &text));
    TELLS("analyze", sigmoe_analyze(&(sigmoe_analyze_request){0}, NULL, &text));
    TELLS("bench_layer", sigmoe_bench_layer(&(sigmoe_bench_layer_request){0}, NULL));
    TELLS("bench_figure", sigmoe_bench_figure(&(sigmoe_bench_figure_request){0}, NULL, &text));
    TELLS("bench_step", sigmoe_bench_step(&(sigmoe_bench_step_request){0}, NULL));
    TELLS("bench_attention", sigmoe_bench_attention(&(sigmoe_bench_attention_request){0}, NULL));
    TELLS("bench_kernel", sigmoe_bench_kernel(&(sigmoe_bench_kernel_request){0}, NULL, NULL, NULL));
    TELLS("plan", sigmoe_plan(&(sigmoe_plan_request){0}, NULL, &text));
    TELLS("calibrate", sigmoe_calibrate(&(sigmoe_calibrate_request){0}, NULL));
}

// Those that programs of 0.1.0 have on their stacks: of the same size still.
static void structs_of_presets_and_configurations_do_not_grow(void **state) {
    (void)state;
    assert_int_equal(sizeof(sigmoe_preset), 72);
    assert_int_equal(sizeof(sigmoe_option), 40);
    assert_int_equal(sizeof(sigmoe_train_settings), 88);
    assert_int_equal(sizeof(sigmoe_tensor_info), 56);
    assert_int_equal(sizeof(sigmoe_summary), 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stay_within_an_older_struct),
        cmocka_unit_test(an_older_request_works),
        cmocka_unit_test(a_newer_request_works_while_it_asks_for_nothing_new),
        cmocka_unit_test(a_request_without_a_size_is_told_what_to_call),
        cmocka_unit_test(structs_of_presets_and_configurations_do_not_grow),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
