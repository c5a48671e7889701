// Tables of options, and what "did you mean" offers, and what it does not.
#include "base/option.h"

#include <math.h>
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

// ---------------------------------------------------------------- tables

typedef struct values {
    int64_t width, seed;
    double rate;
    bool tied;
    int kind;
} values;

static const char *const kinds[] = {"dense", "moe", NULL};
static const option all[] = {
    {"width", OPTION_INTEGER, offsetof(values, width), .required = true, .low = 1, .high = 64, .usual = 5},
    {"seed", OPTION_INTEGER, offsetof(values, seed), .low = -2, .high = 9, .usual = 7},
    {"rate", OPTION_NUMBER, offsetof(values, rate), .low = 0, .high = 0.5, .usual = 0.25},
    {"tied", OPTION_FLAG, offsetof(values, tied), .usual = 1},
    {"kind", OPTION_CHOICE, offsetof(values, kind), .choices = kinds, .usual = 1},
};
static const option_table table = {all, COUNT(all)};

static values good(void) {
    values v;
    memset(&v, 0x55, sizeof v);
    option_defaults(table, &v);
    v.width = 8;
    return v;
}

static void defaults_fill_what_is_not_required(void **state) {
    (void)state;
    values v;
    memset(&v, 0x55, sizeof v);
    option_defaults(table, &v);
    assert_int_equal(v.width, 0); // its preset does not count
    assert_int_equal(v.seed, 7);
    assert_true(v.rate == 0.25);
    assert_true(v.tied);
    assert_int_equal(v.kind, 1);
}

static void options_are_found_by_their_whole_name(void **state) {
    (void)state;
    assert_ptr_equal(option_find(table, "rate"), &all[2]);
    assert_null(option_find(table, "rat"));
    assert_null(option_find(table, "Rate"));
    assert_null(option_find(table, ""));
    assert_null(option_find((option_table){0}, "rate"));
}

static void refused(const values *v, const char *sentence) {
    assert_int_equal(option_check(table, "ff.", v), SIGMOE_BAD_ARGUMENT);
    assert_string_equal(sigmoe_message(), sentence);
}

static void values_outside_their_range_are_refused(void **state) {
    (void)state;
    values v = good();
    assert_int_equal(option_check(table, "ff.", &v), SIGMOE_OK);
    v.width = 64, v.seed = -2, v.rate = 0.5, v.kind = 0; // the ends belong to it
    assert_int_equal(option_check(table, "ff.", &v), SIGMOE_OK);
    v = good(), v.width = 0;
    refused(&v, "ff.width is 0 (not given yet): choose 1 to 64");
    v.width = 65;
    refused(&v, "ff.width is 65: choose 1 to 64");
    v = good(), v.seed = -3;
    refused(&v, "ff.seed is -3: choose -2 to 9");
    v = good(), v.rate = 0.75;
    refused(&v, "ff.rate is 0.75: choose 0 to 0.5");
    v.rate = NAN;
    refused(&v, "ff.rate is nan: choose 0 to 0.5");
    v = good(), v.kind = 2;
    refused(&v, "ff.kind is choice 2 of 2: name one of them, as dense");
    v.kind = -1;
    refused(&v, "ff.kind is choice -1 of 2: name one of them, as dense");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_near),
        cmocka_unit_test(other_words_are_not),
        cmocka_unit_test(nothing_is_near_in_an_empty_list),
        cmocka_unit_test(the_first_of_equals_wins),
        cmocka_unit_test(hints_fit_the_sentence),
        cmocka_unit_test(defaults_fill_what_is_not_required),
        cmocka_unit_test(options_are_found_by_their_whole_name),
        cmocka_unit_test(values_outside_their_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
