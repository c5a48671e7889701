// Medians and quartiles, of few values by hand and of steps in any number against all of them.
#include "train/quartiles.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_quartiles(quartiles q, double low, double median, double high, double tolerance) {
    if (fabs(q.low - low) > tolerance || fabs(q.median - median) > tolerance ||
        fabs(q.high - high) > tolerance)
        fail_msg("%g %g %g, not %g %g %g", q.low, q.median, q.high, low, median, high);
}

static void of_few_values(void **state) {
    (void)state;
    assert_true(isnan(quartiles_of(NULL, 0).median) && isnan(quartiles_of(NULL, 0).low));
    assert_quartiles(quartiles_of((double[]){7}, 1), 7, 7, 7, 0);
    assert_quartiles(quartiles_of((double[]){9, 1}, 2), 3, 5, 7, 0);
    assert_quartiles(quartiles_of((double[]){1000, 3, 1, 2, 4}, 5), 2, 3, 4, 0); // one slow step
}

// Values in an order that no stride favours, every hundredth a thousand times as large: what a mean would show.
static double value_of(int64_t step) {
    return (double)(step * 7919 % 1009) * (step % 100 == 41 ? 1000 : 1);
}

static void of_any_number_of_steps(void **state) {
    (void)state;
    static const int counts[] = {
        1, 2, MOST_SAMPLES - 1, MOST_SAMPLES, MOST_SAMPLES + 1, 5 * MOST_SAMPLES + 3, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        step_samples *samples = calloc(1, sizeof *samples);
        double *all = calloc((size_t)counts[i], sizeof *all);
        assert_true(samples && all);
        for (int step = 0; step < counts[i]; step++) step_samples_add(samples, all[step] = value_of(step));
        assert_int_equal(samples->steps, counts[i]);
        assert_true(samples->count <= MOST_SAMPLES &&
                    2 * samples->count >= (counts[i] < MOST_SAMPLES ? 2 : MOST_SAMPLES));
        quartiles exact = quartiles_of(all, counts[i]);
        assert_quartiles(step_samples_quartiles(samples), exact.low, exact.median, exact.high,
            counts[i] <= MOST_SAMPLES ? 0 : 30);
        free(all);
        free(samples);
    }
}

// A run in two parts of any lengths, the first of which was written and read: each step counts as much as any other.
static void parts_count_by_their_steps(void **state) {
    (void)state;
    static const int parts[][2] = {{0, 5}, {5, 0}, {600, 700}, {30000, 10000}, {900, 90000}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        static step_samples first, second, read;
        json_t *object;
        first = second = (step_samples){0};
        for (int step = 0; step < parts[i][0]; step++) step_samples_add(&first, 1);
        for (int step = 0; step < parts[i][1]; step++) step_samples_add(&second, 2);
        assert_int_equal(step_samples_to_json(&first, &object), SIGMOE_OK);
        assert_int_equal(step_samples_from_json(object, "", &read), SIGMOE_OK);
        json_decref(object);
        step_samples_join(&read, &second);
        int ones = 0;
        for (int k = 0; k < read.count; k++) ones += read.values[k] == 1;
        double part = (double)parts[i][0] / (parts[i][0] + parts[i][1]);
        assert_true(read.count > 0 && fabs((double)ones / read.count - part) < 0.01);
    }
}

static void damaged_samples_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"{}", "{\"stride\": 0, \"seconds\": []}", "{\"stride\": 1}",
        "{\"stride\": 1, \"seconds\": [1, null]}", "{\"stride\": 1.5, \"seconds\": [1]}"};
    static step_samples samples;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *object = json_loads(texts[i], 0, NULL);
        assert_int_equal(step_samples_from_json(object, "times.", &samples), SIGMOE_BAD_FORMAT);
        json_decref(object);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_few_values),
        cmocka_unit_test(of_any_number_of_steps),
        cmocka_unit_test(parts_count_by_their_steps),
        cmocka_unit_test(damaged_samples_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
