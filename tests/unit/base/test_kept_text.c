// What is given out stays.
#include "base/kept_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void texts_stay(void **state) {
    (void)state;
    char name[32];
    const char *kept[100];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "run/checkpoints/%d", i);
        kept[i] = kept_text(name);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "run/checkpoints/%d", i);
        assert_string_equal(kept[i], name);
        assert_ptr_equal(kept_text(name), kept[i]); // and once
    }
    assert_string_equal(kept_text(""), "");
}

static void a_failure_hands_nothing_out(void **state) {
    (void)state;
    const char *out = "before";
    assert_int_equal(hand_out_text(SIGMOE_IO, strdup("a table"), &out), SIGMOE_IO);
    assert_string_equal(out, "before");
    assert_int_equal(hand_out_text(SIGMOE_IO, NULL, &out), SIGMOE_IO);
    assert_int_equal(hand_out_text(SIGMOE_OK, strdup("a table"), &out), SIGMOE_OK);
    assert_string_equal(out, "a table");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay),
        cmocka_unit_test(a_failure_hands_nothing_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
