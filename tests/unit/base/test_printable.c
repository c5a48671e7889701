// Foreign text as it is shown: no byte of it controls a terminal, and no word takes more than a few lines.
#include "base/printable.h"

#include "sigmoe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void shows(const char *text, const char *expected) {
    char out[1 << 10], again[1 << 10];
    sigmoe_printable(text, out, sizeof out);
    assert_string_equal(out, expected);
    sigmoe_printable(out, again, sizeof again); // what is shown stays as it is: sentences quote each other
    assert_string_equal(again, expected);
}

static void plain_text_is_left_alone(void **state) {
    (void)state;
    shows("", "");
    shows("a file, C:\\dir\\x", "a file, C:\\dir\\x");
    shows("é 世 😀 \xf4\x80", "é 世 😀 \\xf4\\x80");
    shows(" two  spaces ", " two  spaces ");
}

static void controls_are_escaped(void **state) {
    (void)state;
    shows("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    shows("a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f");
    shows("\xc2\x9b\x33\x31m", "\\u{9b}31m"); // CSI in one character
    shows("\xe2\x80\xae"
          "gpj.exe",
        "\\u{202e}gpj.exe");
    shows("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf", "\\u{2066}\\u{200b}\\u{feff}");
    shows("\xf3\xa0\x81\x81", "\\u{e0041}");
}

static void bytes_that_are_no_characters_are_escaped(void **state) {
    (void)state;
    shows("\x9b"
          "2J",
        "\\x9b2J");
    shows("\xe0\x80\x9b", "\\xe0\\x80\\x9b"); // overlong: a lenient terminal sees the control character
    shows("\xed\xa0\x80", "\\xed\\xa0\\x80"); // a surrogate
    shows("\xff\xfe end\xc3", "\\xff\\xfe end\\xc3");
}

static void long_words_are_cut(void **state) {
    (void)state;
    char text[1001], out[1 << 10];
    memset(text, 'w', 1000);
    memcpy(text + 500, " and ", 5);
    text[700] = '\0'; // 195 behind the space
    sigmoe_printable(text, out, sizeof out);
    assert_int_equal(strcspn(out, " "), 120 + 3 + 60);
    assert_string_equal(out + 183, text + 500);
    // Of characters of several bytes, none is cut.
    for (int i = 0; i < 333; i++) memcpy(text + 3 * i, "世", 3);
    text[999] = '\0';
    sigmoe_printable(text, out, sizeof out);
    assert_int_equal(strlen(out), 183);
    assert_memory_equal(out + 117, "世...世", 9);
}

static void what_has_no_room_is_cut_between_characters(void **state) {
    (void)state;
    char out[8];
    memset(out, '#', sizeof out);
    sigmoe_printable("ab\x1b", out, 6);
    assert_string_equal(out, "ab");
    sigmoe_printable("ab\x1b\x63", out, 7);
    assert_string_equal(out, "ab\\x1b");
    assert_int_equal(out[7], '#');
    sigmoe_printable("世", out, 1);
    assert_string_equal(out, "");
}

static void a_part_of_a_text_ends_where_it_ends(void **state) {
    (void)state;
    printable p = printable_at("\xe4\xb8\x96", 2);
    assert_int_equal(p.taken, 1);
    assert_string_equal(p.bytes, "\\xe4");
    p = printable_at("\xe4\xb8\x96", SIZE_MAX);
    assert_int_equal(p.taken, 3);
    assert_int_equal(p.size, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_left_alone),
        cmocka_unit_test(controls_are_escaped),
        cmocka_unit_test(bytes_that_are_no_characters_are_escaped),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(what_has_no_room_is_cut_between_characters),
        cmocka_unit_test(a_part_of_a_text_ends_where_it_ends),
    };
    return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
