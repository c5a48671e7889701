// The first difference of two objects, as a message names it.
#include "formats/json_difference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool find(const char *before, const char *now, json_difference *d) {
    json_t *a = json_loads(before, 0, NULL), *b = json_loads(now, 0, NULL);
    assert_true(a && b);
    bool found = json_find_difference(a, b, d);
    json_decref(a);
    json_decref(b);
    return found;
}

static void expect(const char *before, const char *now, const char *key, const char *was, const char *is) {
    json_difference d;
    assert_true(find(before, now, &d));
    assert_string_equal(d.key, key);
    assert_string_equal(d.before, was);
    assert_string_equal(d.now, is);
}

static void the_first_is_named_by_its_path(void **state) {
    (void)state;
    expect("{\"a\": 1, \"ff\": {\"k\": 2, \"g\": 3}}", "{\"a\": 1, \"ff\": {\"k\": 4, \"g\": 5}}", "ff.k",
        "2", "4");
    expect("{\"a\": 0.1}", "{\"a\": 0.25}", "a", "0.1", "0.25");
    expect("{\"a\": \"cosine\"}", "{\"a\": \"constant\"}", "a", "cosine", "constant");
    expect("{\"a\": [1, 2]}", "{\"a\": [1, 3]}", "a", "[1,2]", "[1,3]");
    expect("{}", "{\"a\": {\"b\": null}}", "a", "missing", "{\"b\":null}");
    expect("{\"a\": 1}", "{\"a\": {\"b\": true}}", "a", "1", "{\"b\":true}");
}

static void equal_objects_have_none(void **state) {
    (void)state;
    json_difference d;
    assert_false(find("{\"b\": {\"c\": [1]}, \"a\": 1}", "{\"a\": 1, \"b\": {\"c\": [1]}}", &d));
    assert_false(find("{\"a\": 1, \"more\": 2}", "{\"a\": 1}", &d)); // what `now` does not say is no matter
}

static void long_texts_are_cut(void **state) {
    (void)state;
    json_difference d;
    char now[600];
    int used = sprintf(now, "{\"");
    memset(now + used, 'k', 400);
    sprintf(now + used + 400, "\": \"%0100d\"}", 7);
    assert_true(find("{}", now, &d));
    assert_int_equal(strlen(d.key), JSON_KEY_TEXT - 1);
    assert_int_equal(strlen(d.now), JSON_VALUE_TEXT - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_named_by_its_path),
        cmocka_unit_test(equal_objects_have_none),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
