// What "did you mean" offers, and what it does not.
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const commands[] = {"data prepare", "train", "eval", "forward", "compare", "sweep",
    "analyze", "presets", "info", "bench layer", "bench step"};
static const char *const options[] = {"batch", "steps", "lr", "clip", "warmup", "weight-decay", "seed",
    "checkpoint-every", "valid-every", "valid-tokens", "dtype", "limit-tokens", "memory-segments", "out"};
static const char *const keys[] = {"vocab_size", "d_model", "n_layers", "ff.k", "ff.n_experts"};

typedef struct expectation {
    const char *name, *nearest; // NULL: none
} expectation;

static void expect(const expectation *e, int count, const char *const *known, int known_count) {
    for (int i = 0; i < count; i++) {
        const char *got = sigmoe_nearest(e[i].name, known, known_count);
        bool same = got && e[i].nearest ? strcmp(got, e[i].nearest) == 0 : got == e[i].nearest;
        if (!same) print_error("%s: %s\n", e[i].name, got ? got : "none");
        assert_true(same);
    }
}

static void slips_are_near(void **state) {
    (void)state;
    static const expectation of_commands[] = {{"trian", "train"}, {"tran", "train"}, {"Train", "train"},
        {"evl", "eval"}, {"data prepair", "data prepare"}, {"bench layr", "bench layer"},
        {"analyse", "analyze"}, {"compute", "compare"}, {"preset", "presets"}, {"sweeps", "sweep"}};
    static const expectation of_options[] = {{"bacth", "batch"}, {"memory_segments", "memory-segments"},
        {"limit", "limit-tokens"}, {"checkpoint", "checkpoint-every"}, {"weight_decay", "weight-decay"},
        {"warm-up", "warmup"}, {"l", "lr"}, {"step", "steps"}, {"outt", "out"}};
    static const expectation of_keys[] = {{"vocabsize", "vocab_size"}, {"n_layer", "n_layers"},
        {"ff.kk", "ff.k"}, {"ff.nexperts", "ff.n_experts"}, {"D_MODEL", "d_model"}};
    expect(of_commands, COUNT(of_commands), commands, COUNT(commands));
    expect(of_options, COUNT(of_options), options, COUNT(options));
    expect(of_keys, COUNT(of_keys), keys, COUNT(keys));
}

static void other_words_are_not(void **state) {
    (void)state;
    static const expectation of_commands[] = {{"generate", NULL}, {"chat", NULL}, {"serve", NULL},
        {"export", NULL}, {"convert", NULL}, {"install", NULL}, {"", NULL}, {"x", NULL}, {"run", NULL},
        {"quantize", NULL}, {"\xff\xfe", NULL}};
    static const expectation of_options[] = {{"learning-rate", NULL}, {"epochs", NULL}, {"gpu", NULL},
        {"verbose", NULL}, {"momentum", NULL}, {"o", NULL}, {"", NULL}};
    static const expectation of_keys[] = {{"hidden_size", NULL}, {"activation", NULL}, {"", NULL}};
    expect(of_commands, COUNT(of_commands), commands, COUNT(commands));
    expect(of_options, COUNT(of_options), options, COUNT(options));
    expect(of_keys, COUNT(of_keys), keys, COUNT(keys));
}

static void nothing_is_near_in_an_empty_list(void **state) {
    (void)state;
    assert_null(sigmoe_nearest("train", NULL, 0));
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(sigmoe_nearest(longest, commands, COUNT(commands)));
    const char *const itself[] = {longest};
    assert_null(sigmoe_nearest("aaa", itself, 1)); // no name of ours is that long
}

static void the_first_of_equals_wins(void **state) {
    (void)state;
    static const char *const equal[] = {"abcx", "abcy"};
    assert_string_equal(sigmoe_nearest("abcz", equal, 2), "abcx");
}

static void hints_fit_the_sentence(void **state) {
    (void)state;
    assert_string_equal(option_hint("ff.", "exprts", &(const char *){"experts"}, 1, NULL).text,
        "; did you mean \"ff.experts\"?");
    static const char *const few[] = {"train", "valid", "test"};
    assert_string_equal(option_hint("", "holdout", few, 3, NULL).text, "; known: train, valid, test");
    assert_string_equal(option_hint("", "tran", few, 1, "`help` lists all").text,
        "; did you mean \"train\"? `help` lists all");
    assert_string_equal(option_hint("", "holdout", few, 3, "`help` lists all").text, "; `help` lists all");
    static const char *many[100];
    for (int i = 0; i < 100; i++) many[i] = "some-name";
    assert_string_equal(option_hint("", "x", many, 100, NULL).text, "");
    assert_string_equal(option_hint("", "x", NULL, 0, NULL).text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_near),
        cmocka_unit_test(other_words_are_not),
        cmocka_unit_test(nothing_is_near_in_an_empty_list),
        cmocka_unit_test(the_first_of_equals_wins),
        cmocka_unit_test(hints_fit_the_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
