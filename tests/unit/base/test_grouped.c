// Large numbers in groups of three digits.
#include "base/grouped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void groups_are_of_three_digits(void **state) {
    (void)state;
    assert_string_equal(grouped(0).text, "0");
    assert_string_equal(grouped(999).text, "999");
    assert_string_equal(grouped(1000).text, "1,000");
    assert_string_equal(grouped(47260120).text, "47,260,120");
    assert_string_equal(grouped(-999).text, "-999");
    assert_string_equal(grouped(-123456).text, "-123,456");
    assert_string_equal(grouped(INT64_MAX).text, "9,223,372,036,854,775,807");
    assert_string_equal(grouped(INT64_MIN).text, "-9,223,372,036,854,775,808");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_of_three_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
