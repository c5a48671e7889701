#include "system/scratch.h"

#include "data/text_counter.h"

static void count(const char *text, size_t size, size_t piece, int64_t *chars, int64_t *words) {
    text_counter c = {0};
    for (size_t i = 0; i < size; i += piece)
        text_counter_add(&c, (const unsigned char *)text + i, size - i < piece ? size - i : piece);
    *chars = text_counter_chars(&c);
    *words = c.words;
}

static void expect(const char *text, int64_t chars, int64_t words) {
    size_t size = strlen(text);
    for (size_t piece = 1; piece <= size + 1; piece++) { // however the text is cut up
        int64_t got_chars, got_words;
        count(text, size, piece, &got_chars, &got_words);
        if (got_chars != chars || got_words != words)
            fail_msg("\"%s\" in pieces of %zu: %lld characters, %lld words", text, piece,
                (long long)got_chars, (long long)got_words);
    }
}

static void words(void **state) {
    (void)state;
    expect("", 0, 0);
    expect("one", 3, 1);
    expect(" one  two\tthree ", 16, 3);
    expect("one two\n", 8, 3); // two words and the newline
    expect("\n\n", 2, 2);
    expect("a\r\nb\v\fc", 7, 4);
    expect("a\xc2\xa0"
           "b",
        3, 1); // the no-break space is no ASCII space
}

static void code_points(void **state) {
    (void)state;
    expect("\xc3\xa9t\xc3\xa9", 3, 1);
    expect("\xe2\x82\xac\xf0\x9f\x98\x80", 2, 1);
    expect("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xe0\xa0\x80\xf0\x90\x80\x80", 5, 1); // the edges
}

static void bytes_that_are_no_utf8(void **state) {
    (void)state;
    expect("\x80", 1, 1);
    expect("\xff\xfe", 2, 1);
    expect("a\xe9z", 3, 1);   // Latin-1
    expect("\xe2\x82", 2, 1); // cut short at the end
    expect("\xe2\x82"
           "A",
        3, 1); // and in the middle
    expect("\xe2\x82\xe2\x82\xac", 3, 1);
    expect("\xf0\x9f\x98", 3, 1);
    expect("\xc0\x80", 2, 1); // overlong
    expect("\xe0\x9f\xbf", 3, 1);
    expect("\xf0\x8f\xbf\xbf", 4, 1);
    expect("\xed\xa0\x80", 3, 1);     // a surrogate
    expect("\xf4\x90\x80\x80", 4, 1); // beyond U+10FFFF
    expect("\xf5\x80\x80\x80", 4, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(code_points),
        cmocka_unit_test(bytes_that_are_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
