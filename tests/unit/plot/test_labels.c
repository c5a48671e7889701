// Labels end up apart, whatever the points.
#include "plot/labels.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LABELS = 40, DRAWS = 500 };

static void assert_apart(point_label *const *labels, int count, double line) {
    for (int i = 0; i < count; i++) {
        assert_true(labels[i]->height >= labels[i]->y);
        for (int j = 0; j < i; j++) {
            bool same_column = labels[i]->left < labels[j]->right && labels[j]->left < labels[i]->right;
            if (same_column) assert_true(fabs(labels[i]->height - labels[j]->height) > 0.99 * line);
        }
    }
}

static void random_points(void **state) {
    (void)state;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        random_stream stream = {.seed = draw, .purpose = RANDOM_TEST};
        point_label label[LABELS], *sorted[LABELS];
        double line = 5 + 20 * random_uniform(stream, 999);
        for (uint64_t i = 0; i < LABELS; i++) {
            double x = 400 * random_uniform(stream, 3 * i), y = 280 * random_uniform(stream, 3 * i + 1);
            double width = 20 + 100 * random_uniform(stream, 3 * i + 2);
            label[i] = (point_label){.x = x, .y = y, .left = x, .right = x + width, .height = y};
            sorted[i] = &label[i];
        }
        labels_spread(sorted, LABELS, line);
        assert_apart(sorted, LABELS, line);
    }
}

static void equal_points(void **state) {
    (void)state;
    point_label label[LABELS], *sorted[LABELS];
    for (int i = 0; i < LABELS; i++) {
        label[i] = (point_label){.x = 100, .y = 1.0 / 3, .left = 109, .right = 160, .height = 1.0 / 3};
        sorted[i] = &label[i];
    }
    labels_spread(sorted, LABELS, 17);
    assert_apart(sorted, LABELS, 17);
}

static void far_points_stay(void **state) {
    (void)state;
    point_label a = {.y = 1, .left = 0, .right = 10, .height = 1},
                b = {.y = 1, .left = 11, .right = 20, .height = 1};
    point_label *sorted[] = {&a, &b};
    labels_spread(sorted, 2, 17);
    assert_true(a.height == 1 && b.height == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_points),
        cmocka_unit_test(equal_points),
        cmocka_unit_test(far_points_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
