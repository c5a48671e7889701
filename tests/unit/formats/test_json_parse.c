// The look ahead of the parser: brackets and commas outside of strings, and how deep they nest.
#include "formats/json_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

// The marks of `text`, in their order, are `expected`.
static void check_marks(const char *text, size_t size, const char *expected) {
    char found[64];
    int count = 0;
    for (size_t i = json_next_mark(text, size, 0); i < size; i = json_next_mark(text, size, i + 1))
        found[count++] = text[i];
    found[count] = '\0';
    assert_string_equal(found, expected);
}

static void marks_stand_outside_of_strings(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"", ""}, {" 1 ", ""}, {"{\"a\": [1, 2], \"b\": {}}", "{[,],{}}"},
        {"[\"{[,]}\", \"\"]", "[,]"}, {"[\"\\\"]\", 1]", "[,]"}, {"[\"\\\\\", 1]", "[,]"}, {"\"[,", ""},
        {"\"[,\\", ""}, {"]}", "]}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_marks(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    check_marks("[\0,]", 4, "[,]"); // a NUL is none
    check_marks("[1,2]", 3, "[,");  // nothing behind the size is read
}

static void depth_is_limited_outside_of_strings(void **state) {
    (void)state;
    char text[4 * JSON_MOST_DEPTH];
    json_error_t error;
    for (int depth = JSON_MOST_DEPTH; depth <= JSON_MOST_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_t *value = json_parse(text, 2 * (size_t)depth, 0, &error);
        assert_int_equal(value != NULL, depth == JSON_MOST_DEPTH);
        json_decref(value);
    }
    assert_int_equal(error.column, JSON_MOST_DEPTH + 1);
    memset(text, '[', sizeof text);
    memcpy(text, "[\"", 2);
    memcpy(text + sizeof text - 2, "\"]", 2);
    json_t *value = json_parse(text, sizeof text, 0, &error);
    assert_non_null(value);
    json_decref(value);
}

static void zero_bytes_are_refused(void **state) {
    (void)state;
    static const char texts[][8] = {"[3\0]", "[3,\0]", "{}\0 ", "\0[]", "[\"\0\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_error_t error;
        size_t size = strlen(texts[i]) + 1;
        size += strlen(texts[i] + size);
        assert_null(json_parse(texts[i], size, 0, &error));
        assert_string_equal(error.text, "a zero byte, which no JSON has");
        assert_int_equal(error.column, (int)strlen(texts[i]) + 1);
        assert_null(json_parse(texts[i], size, 0, NULL));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_stand_outside_of_strings),
        cmocka_unit_test(depth_is_limited_outside_of_strings),
        cmocka_unit_test(zero_bytes_are_refused),
    };
    return cmocka_run_group_tests_name("json_parse", tests, NULL, NULL);
}
