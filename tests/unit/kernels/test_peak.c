#include "kernels/check.h"

#include "kernels/peak/peak.h"

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

static void bandwidth_leaves_no_scratch(void **state) {
    (void)state;
    kernel_context context;
    double gigabytes_per_s = 0;
    assert_int_equal(threads_create(2, &context.threads), SIGMOE_OK);
    assert_int_equal(arena_create("scratch", &context.scratch), SIGMOE_OK);
    assert_int_equal(peak_bandwidth(&context, &gigabytes_per_s), SIGMOE_OK);
    assert_true(gigabytes_per_s > 0 && gigabytes_per_s < 1e5);
    assert_int_equal(arena_bytes(context.scratch), 0);
    arena_destroy(context.scratch);
    threads_destroy(context.threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_measured_once_a_level),
        cmocka_unit_test(counts_its_operations), cmocka_unit_test(bandwidth_leaves_no_scratch)};
    if (cpu_init() != SIGMOE_OK) return 1;
    return cmocka_run_group_tests_name("peak", tests, NULL, NULL);
}
