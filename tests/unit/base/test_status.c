// The sentence of a failure: what is put in front of it and behind, and how much of it there is room for.
#include "base/status.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>
#undef fail // cmocka's, which hides ours

static sigmoe_status make_failure(const char *text) {
    return fail(SIGMOE_BAD_FORMAT, "%s", text);
}

static void a_failure_has_a_code_and_a_sentence(void **state) {
    (void)state;
    assert_int_equal(fail(SIGMOE_NO_MEMORY, "%d of %s", 3, "them"), SIGMOE_NO_MEMORY);
    assert_string_equal(sigmoe_message(), "3 of them");
    assert_int_equal(fail(SIGMOE_IO, "again: %s", sigmoe_message()), SIGMOE_IO); // it may quote the last one
    assert_string_equal(sigmoe_message(), "again: 3 of them");
}

static void the_system_says_why(void **state) {
    (void)state;
    errno = ENOENT;
    assert_int_equal(fail_errno("cannot read %s", "x"), SIGMOE_IO);
    assert_string_equal(sigmoe_message(), "cannot read x: No such file or directory");
    assert_int_equal(errno, ENOENT);
    errno = EFBIG;
    fail_errno("cannot write");
    assert_non_null(strstr(sigmoe_message(), "ulimit -f"));
}

static void callers_say_where(void **state) {
    (void)state;
    make_failure("no such key");
    assert_int_equal(fail_in(SIGMOE_BAD_ARGUMENT, "%s, line %d", "f", 7), SIGMOE_BAD_ARGUMENT);
    assert_string_equal(sigmoe_message(), "f, line 7: no such key");
    fail_in(SIGMOE_IO, "there");
    assert_string_equal(sigmoe_message(), "there: f, line 7: no such key");
}

// Words of 100 letters, so that none is too long by itself.
static void long_sentences_are_cut(void **state) {
    (void)state;
    static char text[5000];
    for (size_t i = 0; i < sizeof text - 1; i++) text[i] = i % 100 == 99 ? ' ' : 'a';
    make_failure(text);
    size_t room = strlen(sigmoe_message());
    assert_int_equal(room, 1023);
    errno = ENOENT;
    fail_errno("%s", text);
    assert_int_equal(strlen(sigmoe_message()), room);
    fail_in(SIGMOE_IO, "front");
    assert_int_equal(strlen(sigmoe_message()), room);
    assert_int_equal(strncmp(sigmoe_message(), "front: aaa", 10), 0);
    fail_in(SIGMOE_IO, "%s", text);
    assert_int_equal(strlen(sigmoe_message()), room);
}

// What a file or an argument holds neither moves the cursor nor hides what follows it.
static void foreign_text_is_shown(void **state) {
    (void)state;
    static char longest[100001];
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "first", 5);
    memcpy(longest + sizeof longest - 5, "last", 4);
    make_failure("dtype \"\x1b[2J\n\" is unknown");
    assert_string_equal(sigmoe_message(), "dtype \"\\x1b[2J\\x0a\" is unknown");
    fail_in(SIGMOE_IO, "\x07.json");
    assert_string_equal(sigmoe_message(), "\\x07.json: dtype \"\\x1b[2J\\x0a\" is unknown");
    fail(SIGMOE_IO, "cannot read %s: remove it", longest);
    assert_true(strlen(sigmoe_message()) < 250);
    assert_int_equal(strncmp(sigmoe_message(), "cannot read firstxxx", 20), 0);
    assert_non_null(strstr(sigmoe_message(), "xxx...xxx"));
    assert_non_null(strstr(sigmoe_message(), "xlast: remove it"));
}

static void a_failure_outlasts_what_fails_after_it(void **state) {
    (void)state;
    kept_failure failure = failure_keep(make_failure("the reason"));
    fail(SIGMOE_IO, "a longer sentence, of cleaning up");
    assert_int_equal(failure_again(&failure), SIGMOE_BAD_FORMAT);
    assert_string_equal(sigmoe_message(), "the reason");
}

static void *fail_elsewhere(void *before) {
    *(bool *)before = sigmoe_message()[0] == '\0';
    make_failure("there");
    return NULL;
}

static void threads_have_their_own(void **state) {
    (void)state;
    pthread_t other;
    bool empty = false;
    make_failure("here");
    assert_int_equal(pthread_create(&other, NULL, fail_elsewhere, &empty), 0);
    pthread_join(other, NULL);
    assert_true(empty);
    assert_string_equal(sigmoe_message(), "here");
}

static sigmoe_status count_tries(const sigmoe_status *results, int *count) {
    TRY(results[(*count)++]);
    TRY(results[(*count)++]);
    return results[(*count)++];
}

static sigmoe_status count_releases(sigmoe_status result, int *released) {
    sigmoe_status status = SIGMOE_OK;
    TRY_OR(done, result);
    *released += 10;
done:
    *released += 1;
    return status;
}

static void the_first_failure_wins(void **state) {
    (void)state;
    static const sigmoe_status fine[] = {SIGMOE_OK, SIGMOE_OK, SIGMOE_OK},
                               second[] = {SIGMOE_OK, SIGMOE_IO, SIGMOE_NO_MEMORY};
    int count = 0, released = 0;
    assert_int_equal(count_tries(fine, &count), SIGMOE_OK);
    assert_int_equal(count, 3);
    count = 0;
    assert_int_equal(count_tries(second, &count), SIGMOE_IO);
    assert_int_equal(count, 2);
    assert_int_equal(count_releases(SIGMOE_OK, &released), SIGMOE_OK);
    assert_int_equal(count_releases(SIGMOE_IO, &released), SIGMOE_IO);
    assert_int_equal(released, 12);
}

static void one_is_singular(void **state) {
    (void)state;
    assert_string_equal(plural(0), "s");
    assert_string_equal(plural(1), "");
    assert_string_equal(plural(2), "s");
    assert_string_equal(plural(-1), "s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_has_a_code_and_a_sentence),
        cmocka_unit_test(the_system_says_why),
        cmocka_unit_test(callers_say_where),
        cmocka_unit_test(long_sentences_are_cut),
        cmocka_unit_test(foreign_text_is_shown),
        cmocka_unit_test(a_failure_outlasts_what_fails_after_it),
        cmocka_unit_test(threads_have_their_own),
        cmocka_unit_test(the_first_failure_wins),
        cmocka_unit_test(one_is_singular),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
