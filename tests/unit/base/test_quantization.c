// Rows in 8 bits: what they are rounded to, and that no row is too odd for that.
#include "base/quantization.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { WIDTH = 4 };

static void expect_row(const float *x, int64_t n, float scale, const int *expected) {
    int8_t q[8];
    float given;
    quantize_rows(x, 1, n, q, &given);
    assert_float_equal(given, scale, scale * FLT_EPSILON);
    for (int64_t i = 0; i < n; i++) assert_int_equal(q[i], expected[i]);
}

static void rounds_to_the_nearest(void **state) {
    (void)state;
    expect_row((float[]){127, -127, 63.4f, -63.6f}, 4, 1, (int[]){127, -127, 63, -64});
    expect_row((float[]){254, -2, 3, 0}, 4, 2, (int[]){127, -1, 2, 0}); // 1.5: halfway, to even
    expect_row((float[]){254, 1, -1, 5}, 4, 2, (int[]){127, 0, 0, 2});  // 0.5, -0.5, 2.5
    expect_row((float[]){-0.127f, 0.0014f, 0, 0}, 4, 0.001f, (int[]){-127, 1, 0, 0});
    expect_row((float[]){-3}, 1, 3 / 127.0f, (int[]){-127});
    expect_row((float[]){0}, 1, 0, (int[]){0});
    expect_row((float[]){0, -0.0f, 0, 0}, 4, 0, (int[]){0, 0, 0, 0});
}

// Each row has a scale of its own.
static void rows_do_not_share_scales(void **state) {
    (void)state;
    const float x[] = {127, 1, 0, -127, 0, 0, 0, 0, 1.1e-20f, -2e-20f, 0, 0};
    int8_t q[12];
    float scale[3], back[12];
    quantize_rows(x, 3, WIDTH, q, scale);
    assert_true(scale[0] == 1 && scale[1] == 0);
    assert_float_equal(scale[2] / 2e-20f, 1 / 127.0f, 1e-6);
    assert_int_equal(q[8], 70);
    assert_int_equal(q[9], -127);
    dequantize_rows(q, scale, 3, WIDTH, back);
    for (int i = 0; i < 12; i++) assert_true(fabsf(back[i] - x[i]) <= 0.5001f * scale[i / WIDTH]);
}

// From the smallest subnormal number to the largest float: nothing overflows, and no error is above half of a scale.
static void any_finite_size_works(void **state) {
    (void)state;
    for (int exponent = -149; exponent <= 128; exponent++) {
        float top = exponent == 128 ? FLT_MAX : ldexpf(1, exponent);
        const float x[] = {top, -top, 0.3f * top, -0.001f * top};
        int8_t q[WIDTH];
        float scale, back[WIDTH];
        quantize_rows(x, 1, WIDTH, q, &scale);
        dequantize_rows(q, &scale, 1, WIDTH, back);
        for (int i = 0; i < WIDTH; i++) {
            assert_true(isfinite(back[i]) && q[i] >= -127 && q[i] <= 127);
            // A subnormal scale is itself rounded: by half of the smallest number, 127 times.
            assert_true(fabsf(back[i] - x[i]) <= 0.5001f * scale + 64 * 1.5e-45f);
        }
    }
}

// What was rounded once stays as it is.
static void rounding_again_changes_nothing(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static float x[COUNT], back[COUNT];
    static int8_t q[COUNT], again[COUNT];
    float scale[COUNT / 8], scale_again[COUNT / 8];
    for (int i = 0; i < COUNT; i++) x[i] = sinf((float)i * 1.7f) * ldexpf(1, i % 40 - 20);
    quantize_rows(x, COUNT / 8, 8, q, scale);
    dequantize_rows(q, scale, COUNT / 8, 8, back);
    quantize_rows(back, COUNT / 8, 8, again, scale_again);
    assert_memory_equal(q, again, sizeof q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_to_the_nearest),
        cmocka_unit_test(rows_do_not_share_scales),
        cmocka_unit_test(any_finite_size_works),
        cmocka_unit_test(rounding_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
