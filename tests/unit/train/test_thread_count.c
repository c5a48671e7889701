// No library below starts threads of its own: a training process has those of its pool. And they stay where they are bound.
#include "base/threads_place.h"
#include "train/fixture.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

static int threads_of_process(void) {
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

// A thread that was joined may be listed a moment longer.
static bool has_threads(int count) {
    for (int tries = 0; tries < 5000; tries++) {
        if (threads_of_process() == count) return true;
        usleep(1000);
    }
    return false;
}

// Wide enough for products of several tiles, which oneDNN would share among its threads if it had any.
static trainer *train_a_step(int thread_count) {
    sigmoe_config config = make_config("{\"type\": \"dense\", \"d_ff\": 512}");
    config.model.d_model = 128;
    config.model.unroll = 64;
    sigmoe_train_settings settings = small_settings(10);
    trainer_request request = {.config = &config, .settings = &settings, .threads = thread_count};
    int32_t tokens[BATCH * 64] = {0};
    step_report report;
    trainer *t;
    OK(trainer_create(&request, &t));
    OK(trainer_step_on(t, tokens, tokens, true, &report));
    return t;
}

static void test_pool_alone(void **state) {
    (void)state;
    trainer_destroy(train_a_step(2)); // a sanitizer starts its own thread with the first of others
    assert_true(has_threads(1) || has_threads(2));
    int before = threads_of_process();
    for (int count = 1; count <= 4; count++) {
        trainer *t = train_a_step(count);
        assert_true(has_threads(before + count - 1));
        trainer_destroy(t);
    }
}

#ifdef SIGMOE_ONEDNN
// libgomp's, which comes with oneDNN.
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

// A program that uses the library and OpenMP has the threads that it asked for.
static void test_openmp_is_the_hosts(void **state) {
    (void)state;
    omp_set_num_threads(3);
    OK(sigmoe_initialize());
    assert_int_equal(omp_get_max_threads(), 3);
    trainer_destroy(train_a_step(2));
    assert_int_equal(omp_get_max_threads(), 3);
}
#endif

static void remember_processor(void *context, int64_t task, int thread) {
    (void)task;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    ((int *)context)[thread] = CPU_COUNT(&set);
}

static void test_pinned(void **state) {
    (void)state;
    cpu_set_t mine;
    int available = threads_available(), processors[3] = {0};
    assert_int_equal(sched_getaffinity(0, sizeof mine, &mine), 0);
    threads *pool;
    threads_pin();
    OK(threads_create(3, &pool));
    parallel_for(pool, 1000, remember_processor, processors);
    for (int i = 0; i < 3; i++) assert_true(processors[i] <= 1); // 0: it came too late for a task
    remember_processor(processors, 0, 0); // the calling thread, for it may have come too late as well
    assert_int_equal(processors[0], 1);
    assert_int_equal(threads_available(), available); // the mask of a bound thread says less
    threads_destroy(pool);
    assert_int_equal(sched_setaffinity(0, sizeof mine, &mine), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_alone),
#ifdef SIGMOE_ONEDNN
        cmocka_unit_test(test_openmp_is_the_hosts),
#endif
        cmocka_unit_test(test_pinned), // the last: nothing unbinds
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
