// What is shown of a model's bytes: whole characters, U+FFFD for what is none, nothing from a stop text on, and each part as soon
// as it is certain.
#include "generate/text_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct parts {
    char all[1000];
    size_t size;
    char last[1000]; // of the last token
} parts;

static void receive(void *context, int64_t prompt, const char *text, size_t size) {
    parts *p = context;
    assert_int_equal(prompt, 3);
    assert_true(size > 0);
    memcpy(p->all + p->size, text, size);
    p->size += size;
    p->all[p->size] = '\0';
    strncat(p->last, text, size);
}

typedef struct case_ {
    const char *stops[3];
    const char *tokens[12]; // what each adds
    const char *shown[13];  // after each token, and at the end
} case_;

static void check(const case_ *c) {
    parts p = {0};
    text_output o;
    int stops = 0, tokens = 0;
    while (stops < 3 && c->stops[stops]) stops++;
    while (tokens < 12 && c->tokens[tokens]) tokens++;
    char *held = malloc(text_output_room(c->stops, stops, 8)), *text;
    size_t size;
    assert_int_equal(
        text_output_open(&o, &(text_receiver){receive, &p, 3}, c->stops, stops, held), SIGMOE_OK);
    for (int i = 0; i < tokens; i++) {
        p.last[0] = '\0';
        text_output_token(&o, c->tokens[i], strlen(c->tokens[i]));
        assert_string_equal(p.last, c->shown[i]);
    }
    p.last[0] = '\0';
    assert_int_equal(text_output_close(&o, &text, &size), SIGMOE_OK);
    assert_string_equal(p.last, c->shown[tokens]);
    assert_int_equal(size, p.size);
    assert_string_equal(text, p.all);
    free(text);
    free(held);
}

#define WRONG "\xef\xbf\xbd"

static void characters(void **state) {
    (void)state;
    static const case_ cases[] = {
        {{NULL}, {"a", "bc", ""}, {"a", "bc", "", ""}},
        // A character of each length, byte by byte.
        {{NULL}, {"\xc3", "\xa9"}, {"", "\xc3\xa9", ""}},
        {{NULL}, {"\xe2", "\x82", "\xac"}, {"", "", "\xe2\x82\xac", ""}},
        {{NULL}, {"\xf0", "\x9f", "\x98", "\x80"}, {"", "", "", "\xf0\x9f\x98\x80", ""}},
        // Broken off, by another character, by another beginning, by the end.
        {{NULL}, {"\xe2", "\x82", "a"}, {"", "", WRONG "a", ""}},
        {{NULL}, {"\xe2", "\xc3", "\xa9"}, {"", WRONG, "\xc3\xa9", ""}},
        {{NULL}, {"x\xf0\x9f"}, {"x", WRONG}},
        // No beginnings: a continuation, bytes that do not occur, overlong forms, surrogates, beyond U+10FFFF.
        {{NULL}, {"\x80", "\xff", "\xc0", "\xc1"}, {WRONG, WRONG, WRONG, WRONG, ""}},
        {{NULL}, {"\xe0", "\x80", "\x80"}, {"", WRONG WRONG, WRONG, ""}},
        {{NULL}, {"\xed", "\xa0", "\x80"}, {"", WRONG WRONG, WRONG, ""}},
        {{NULL}, {"\xf4", "\x90"}, {"", WRONG WRONG, ""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void stops(void **state) {
    (void)state;
    static const case_ cases[] = {
        {{"\n\n"}, {"a", "\n", "b", "\n", "\n", "c"}, {"a", "", "\nb", "", "", "", ""}},
        {{"end"}, {"the ", "end", " is"}, {"the ", "", "", ""}},
        {{"end"}, {"e", "n", "t"}, {"", "", "ent", ""}},
        {{"aab"}, {"a", "a", "a", "b"}, {"", "", "a", "", ""}},
        // What is held back comes in the end.
        {{"end"}, {"e", "n"}, {"", "", "en"}},
        // The earliest counts, whichever it is.
        {{"xyz", "y"}, {"a", "x", "y"}, {"a", "", "x", ""}},
        {{"b", "abc"}, {"zabc"}, {"z", ""}},
        // Within a character: what was to become one is none.
        {{"\xa9"}, {"\xc3", "\xa9"}, {"", "", WRONG}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void prompts(void **state) {
    (void)state;
    static const char *const stop[] = {"stop"};
    parts p = {0};
    text_output o;
    char held[16], *text;
    size_t size;
    assert_int_equal(text_output_open(&o, &(text_receiver){receive, &p, 3}, stop, 1, held), SIGMOE_OK);
    // A stop text in the prompt ends nothing, and a character may begin there.
    text_output_prompt(&o, "a stop \xc3", 8);
    assert_string_equal(p.all, "a stop ");
    text_output_token(&o, "\xa9", 1);
    assert_string_equal(p.all, "a stop \xc3\xa9");
    assert_false(o.stopped);
    text_output_token(&o, "stop", 4);
    assert_true(o.stopped);
    text_output_token(&o, "b", 1);
    assert_int_equal(text_output_close(&o, &text, &size), SIGMOE_OK);
    assert_string_equal(text, "a stop \xc3\xa9");
    free(text);
    text_output_abandon(&o); // after the end: nothing to do
    assert_int_equal(text_output_open(&o, &(text_receiver){receive, &p, 3}, stop, 1, held), SIGMOE_OK);
    text_output_token(&o, "sto", 3);
    p.last[0] = '\0';
    text_output_abandon(&o);
    assert_string_equal(p.last, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters),
        cmocka_unit_test(stops),
        cmocka_unit_test(prompts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
