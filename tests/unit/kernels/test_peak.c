#include "kernels/check.h"

#include "kernels/peak/best_rate.h"
#include "kernels/peak/bandwidth.h"
#include "kernels/peak/peak.h"
#include "kernels/peak/reading.h"

static void is_measured_once_a_level(void **state) {
    (void)state;
    threads *pool;
    assert_int_equal(threads_create(1, &pool), SIGMOE_OK);
    for (cpu_level level = CPU_SCALAR; level <= cpu_hardware(); level++) {
        assert_int_equal(cpu_limit(level), SIGMOE_OK);
        for (dtype type = TYPE_REAL; type <= TYPE_BF16; type++) {
            double peak = peak_gflops(pool, type);
            assert_true(peak > 0 && peak < 1e5 && peak == peak_gflops(pool, type));
            printf("peak %-10s %-4s %.1f GF/s a thread\n", cpu_level_name(level),
                type == TYPE_BF16 ? "bf16" : "f32", peak);
        }
    }
    threads_destroy(pool);
}

static void counts_its_operations(void **state) {
    (void)state;
    double operations;
    peak_chains_scalar(3, &operations);
    assert_true(operations == 2 * 48 * 3);
}

// Every word is read once.
static void reads_all_words(void **state) {
    (void)state;
    enum { COUNT = 640 };
    uint64_t words[COUNT], sum = 0;
    for (int i = 0; i < COUNT; i++) sum += words[i] = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(i + 1);
    assert_true(sum_words_scalar(words, COUNT) == sum);
#ifdef SIGMOE_X86
    if (cpu_hardware() >= CPU_AVX2) assert_true(sum_words_avx2(words, COUNT) == sum);
    if (cpu_hardware() >= CPU_AVX512) assert_true(sum_words_avx512(words, COUNT) == sum);
#endif
}

static void bandwidth_leaves_no_scratch(void **state) {
    (void)state;
    kernel_context context;
    double gigabytes_per_s = 0;
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    assert_int_equal(arena_create("scratch", &context.scratch), SIGMOE_OK);
    assert_int_equal(peak_bandwidth(&context, &gigabytes_per_s), SIGMOE_OK);
    assert_true(gigabytes_per_s > 0 && gigabytes_per_s < 1e5);
    gigabytes_per_s = 0;
    assert_int_equal(peak_read_bandwidth(&context, &gigabytes_per_s), SIGMOE_OK);
    assert_true(gigabytes_per_s > 0 && gigabytes_per_s < 1e5);
    assert_int_equal(arena_bytes(context.scratch), 0);
    arena_destroy(context.scratch);
    threads_destroy(context.threads);
}

// A machine that does a million rounds a second and takes 2 us to start a trial. Who else uses it, the list says: seconds that the
// trial of this number, the first is 0, is kept waiting.
typedef struct machine {
    int trials;
    double (*waits)(int trial);
} machine;

static double machine_time(void *context, int64_t rounds) {
    machine *m = context;
    return 2e-6 + 1e-6 * (double)rounds + m->waits(m->trials++);
}

static double never(int trial) {
    (void)trial;
    return 0;
}
static double at_first(int trial) {
    return trial == 0 ? 4e-3 : 0;
}
static double while_short(int trial) { // every trial that decides how many rounds are enough
    return trial < 12 ? 3e-3 + 1e-3 * trial : 0;
}
static double mostly(int trial) { // 29 of 30
    return trial % 30 == 17 ? 0 : 1e-3 * (1 + trial % 7);
}
static double for_a_while(int trial) {
    return trial < 90 ? 5e-3 : 0;
}

static const best_rate_plan of_a_millisecond = {
    .least_seconds = 1e-3, .least_trials = 100, .most_trials = 500, .without_gain = 60};

static void interruptions_do_not_show(void **state) {
    (void)state;
    double (*const patterns[])(int) = {never, at_first, while_short, mostly, for_a_while};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        machine m = {.waits = patterns[i]};
        double rate = best_rate(machine_time, &m, &of_a_millisecond);
        assert_true(rate > 0.99e6 && rate <= 1e6);
        assert_true(m.trials >= 100 && m.trials < 600);
    }
}

static double stands_still(void *context, int64_t rounds) {
    (void)context, (void)rounds;
    return 1e-12;
}
// Each trial is a little faster than all before it.
static double speeds_up(void *context, int64_t rounds) {
    double *speed = context;
    *speed *= 1.01;
    return (double)rounds / *speed;
}

static void trials_end(void **state) {
    (void)state;
    double speed = 1;
    assert_true(best_rate(stands_still, NULL, &of_a_millisecond) > 0);
    assert_true(best_rate(speeds_up, &speed, &of_a_millisecond) > 100);
}

// A rate above the peak has the peak measured again, but the better figure counts and an impossible rate ends, too.
static void reached_rates_are_believed(void **state) {
    (void)state;
    threads *pool;
    assert_int_equal(threads_create(3, &pool), SIGMOE_OK);
    double first = peak_gflops(pool, TYPE_REAL);
    assert_true(peak_gflops_beyond(pool, TYPE_REAL, first / 2) == first);
    double again = peak_gflops_beyond(pool, TYPE_REAL, 1e9);
    assert_true(again >= first && again < 1e5);
    assert_true(peak_gflops_beyond(pool, TYPE_REAL, 1e9) == again); // not for ever
    assert_true(peak_gflops(pool, TYPE_REAL) == again);
    threads_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_measured_once_a_level),
        cmocka_unit_test(counts_its_operations), cmocka_unit_test(reads_all_words),
        cmocka_unit_test(bandwidth_leaves_no_scratch), cmocka_unit_test(interruptions_do_not_show),
        cmocka_unit_test(trials_end), cmocka_unit_test(reached_rates_are_believed)};
    if (cpu_init() != SIGMOE_OK) return 1;
    return cmocka_run_group_tests_name("peak", tests, NULL, NULL);
}
