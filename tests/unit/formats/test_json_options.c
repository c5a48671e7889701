#include "system/scratch.h"

#include "formats/json_options.h"
#include "formats/json_parse.h"

#include <math.h>

typedef struct sample {
    int64_t k;
    double rate;
    bool wide;
    int kind;
} sample;

static const char *const kinds[] = {"sigmoid", "softmax", "sinkhorn", NULL};
static const option sample_options[] = {
    {"k", OPTION_INTEGER, offsetof(sample, k), true, 1, 64, 0, NULL, "experts kept"},
    {"rate", OPTION_NUMBER, offsetof(sample, rate), false, 0, 1, 0.25, NULL, "a share"},
    {"wide", OPTION_FLAG, offsetof(sample, wide), false, 0, 0, 1, NULL, "a switch"},
    {"kind", OPTION_CHOICE, offsetof(sample, kind), false, 0, 0, 1, kinds, "a choice"},
};
static const option_table table = {sample_options, 4};
static const char *const others[] = {"type", NULL};

static sigmoe_status read_text(const char *text, sample *values) {
    json_t *object;
    sigmoe_status status = json_parse_object("text", text, strlen(text), JSON_MOST_VALUES, &object);
    if (status != SIGMOE_OK) return status;
    status = json_read_options(object, "ff.", table, others, values);
    json_decref(object);
    return status;
}

static void reads_all_and_defaults(void **state) {
    (void)state;
    sample s;
    memset(&s, 0xee, sizeof s);
    assert_int_equal(read_text("{\"type\": \"moe\", \"k\": 4}", &s), SIGMOE_OK);
    assert_int_equal(s.k, 4);
    assert_true(s.rate == 0.25 && s.wide && s.kind == 1);
    assert_int_equal(
        read_text("{\"k\": 64, \"rate\": 1, \"wide\": false, \"kind\": \"sinkhorn\"}", &s), SIGMOE_OK);
    assert_true(s.k == 64 && s.rate == 1.0 && !s.wide && s.kind == 2);
    assert_int_equal(read_text("\xef\xbb\xbf{\"k\": 3}", &s), SIGMOE_OK); // as some editors begin a file
    assert_int_equal(s.k, 3);
}

static void refuses(const char *text, const char *part) {
    sample s;
    assert_int_equal(read_text(text, &s), SIGMOE_BAD_FORMAT);
    assert_message_has(part);
}

static void errors_name_the_path(void **state) {
    (void)state;
    refuses("{}", "\"ff.k\" is missing");
    refuses("{\"k\": 4, \"raet\": 0}", "unknown key \"ff.raet\"; did you mean \"ff.rate\"?");
    refuses("{\"k\": 4, \"typ\": 0}", "did you mean \"ff.type\"?");
    refuses("{\"k\": 0}", "\"ff.k\" is 0; it must be in 1..64");
    refuses("{\"k\": 65}", "1..64");
    refuses("{\"k\": 4.0}", "\"ff.k\" must be an integer");
    refuses("{\"k\": \"4\"}", "\"ff.k\" must be an integer, not a string");
    refuses("{\"k\": null}", "not null");
    refuses("{\"k\": 4, \"rate\": 1.5}", "\"ff.rate\" is 1.5; it must be in 0..1");
    refuses("{\"k\": 4, \"rate\": -0.1}", "0..1");
    refuses("{\"k\": 4, \"rate\": []}", "\"ff.rate\" must be a number, not an array");
    refuses("{\"k\": 4, \"wide\": 1}", "\"ff.wide\" must be true or false, not an integer");
    refuses("{\"k\": 4, \"kind\": \"softmx\"}",
        "\"ff.kind\" is \"softmx\"; it must be one of sigmoid|softmax|sinkhorn; did you mean \"softmax\"?");
    refuses("{\"k\": 4, \"kind\": 1}", "\"ff.kind\" must be one of sigmoid|softmax|sinkhorn, not an integer");
}

static void errors_name_the_place(void **state) {
    (void)state;
    json_t *object;
    refuses("[1]", "object is needed");
    refuses("{\"k\": 4, \"k\": 5}", "duplicate");
    refuses("{\"k\": NaN}", "invalid token");
    refuses("{\"k\": 99999999999999999999}", "too big");
    refuses("{\"k\": \"\\ud800\"}", "text, line 1");
    refuses("{\"k\": \"\xff\"}", "unable to decode byte 0xff");
    refuses("", "text is empty");
    refuses("\xef\xbb\xbf", "text is empty");
    put_text(at("bad.json"), "{\n \"k\": 4,\n oops\n}");
    assert_int_equal(json_read_object(at("bad.json"), &object), SIGMOE_BAD_FORMAT);
    assert_message_has("bad.json, line 3, column 5");
    put_text(at("empty.json"), "");
    assert_int_equal(json_read_object(at("empty.json"), &object), SIGMOE_BAD_FORMAT);
    assert_int_equal(json_read_object(at("missing.json"), &object), SIGMOE_IO);
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    static char text[200001];
    memset(text, '[', 200000);
    memcpy(text, "{\"a\":", 5);
    refuses(text, "text, line 1, column 69: brackets are nested more than 64 deep");
    // Just deep enough; brackets in strings open nothing, those that are closed do not count.
    memset(text, '[', 63), memset(text + 63, ']', 63);
    json_t *value = json_parse(text, 126, 0, NULL);
    assert_non_null(value);
    json_decref(value);
    memset(text, '[', 65), memset(text + 65, ']', 65);
    assert_null(json_parse(text, 130, 0, NULL));
    memcpy(text, "[\"\\\"", 4), memset(text + 4, '[', 100), memcpy(text + 104, "\"", 1),
        memset(text + 105, ' ', 100);
    for (int i = 0; i < 100; i++) memcpy(text + 105 + 3 * i, ",[]", 3);
    text[405] = ']';
    value = json_parse(text, 406, 0, NULL);
    assert_non_null(value);
    json_decref(value);
}

// A text takes many times its size when it is parsed: what is no file of ours must not be.
static void too_much_is_refused(void **state) {
    (void)state;
    json_t *object;
    const char *text = "{\"a\": [1, 2, {}, []], \"[,{\\\",\": \",,,,\"}"; // 1 and 1, 4 and 2
    assert_int_equal(json_parse_object("text", text, strlen(text), 8, &object), SIGMOE_OK);
    json_decref(object);
    assert_int_equal(json_parse_object("text", text, strlen(text), 7, &object), SIGMOE_BAD_FORMAT);
    assert_message_has("text: more than 7 JSON values");

    enum { BYTES = (4 << 20) + 1 };
    char *file = malloc(BYTES);
    assert_non_null(file);
    memset(file, ' ', BYTES);
    memcpy(file, "{}", 2);
    put_file(at("long.json"), file, BYTES - 1);
    assert_int_equal(json_read_object(at("long.json"), &object), SIGMOE_OK);
    json_decref(object);
    put_file(at("long.json"), file, BYTES);
    assert_int_equal(json_read_object(at("long.json"), &object), SIGMOE_BAD_FORMAT);
    assert_message_has("long.json: 4194305 bytes");
    memcpy(file, "{\"a\":[", 6);
    for (int i = 6; i < BYTES - 9; i += 3) memcpy(file + i, "{},", 3);
    memcpy(file + BYTES - 9, "{}]}", 4);
    put_file(at("long.json"), file, BYTES - 1);
    assert_int_equal(json_read_object(at("long.json"), &object), SIGMOE_BAD_FORMAT);
    assert_message_has("long.json: more than 262144 JSON values");
    free(file);
}

static void no_object_where_one_is_needed(void **state) {
    (void)state;
    sample s;
    json_t *array = json_array();
    assert_int_equal(json_read_options(array, "ff.", table, NULL, &s), SIGMOE_BAD_FORMAT);
    assert_message_has("\"ff\" must be an object");
    assert_int_equal(json_read_options(NULL, "memory.part.", table, NULL, &s), SIGMOE_BAD_FORMAT);
    assert_message_has("\"memory.part\" must be an object");
    json_decref(array);
}

static void round_trip(void **state) {
    (void)state;
    sample out = {17, 0.1, true, 0}, in;
    json_t *object = json_object(), *back;
    assert_int_equal(json_write_options(object, table, &out), SIGMOE_OK);
    assert_int_equal(json_write(at("s.json"), object), SIGMOE_OK);
    assert_file_text(
        at("s.json"), "{\n  \"k\": 17,\n  \"rate\": 0.1,\n  \"wide\": true,\n  \"kind\": \"sigmoid\"\n}\n");
    assert_int_equal(json_read_object(at("s.json"), &back), SIGMOE_OK);
    assert_int_equal(json_read_options(back, "", table, NULL, &in), SIGMOE_OK);
    assert_true(in.k == 17 && in.rate == 0.1 && in.wide && in.kind == 0);
    json_decref(back);
    // What 15 digits would lose is not lost.
    out.rate = 1.0 / 3.0;
    assert_int_equal(json_write_options(object, table, &out), SIGMOE_OK);
    assert_int_equal(json_write(at("s.json"), object), SIGMOE_OK);
    assert_int_equal(json_read_object(at("s.json"), &back), SIGMOE_OK);
    assert_true(json_real_value(json_object_get(back, "rate")) == 1.0 / 3.0);
    json_decref(back);
    out.rate = NAN;
    assert_int_equal(json_write_options(object, table, &out), SIGMOE_NO_MEMORY);
    assert_message_has("\"rate\"");
    json_decref(object);
}

static void from_text(void **state) {
    (void)state;
    sample s = {0};
    assert_int_equal(option_set_text(&sample_options[0], "ff.", "4", &s), SIGMOE_OK);
    assert_int_equal(option_set_text(&sample_options[1], "ff.", "1e-3", &s), SIGMOE_OK);
    assert_int_equal(option_set_text(&sample_options[2], "ff.", "true", &s), SIGMOE_OK);
    assert_int_equal(option_set_text(&sample_options[3], "ff.", "sinkhorn", &s), SIGMOE_OK);
    assert_true(s.k == 4 && s.rate == 1e-3 && s.wide && s.kind == 2);
    assert_int_equal(option_set_text(&sample_options[3], "ff.", "\"sigmoid\"", &s), SIGMOE_OK);
    assert_int_equal(s.kind, 0);
    assert_int_equal(option_set_text(&sample_options[0], "ff.", "4 5", &s), SIGMOE_BAD_ARGUMENT);
    assert_message_has("\"ff.k\" must be an integer");
    assert_int_equal(option_set_text(&sample_options[0], "ff.", "", &s), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(option_set_text(&sample_options[0], "ff.", "65", &s), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(option_set_text(&sample_options[1], "ff.", "nan", &s), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(option_set_text(&sample_options[3], "ff.", "\xff", &s), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(s.k, 4);
}

// What is no JSON is told as what it is, not as "a string".
static void texts_that_are_no_json(void **state) {
    (void)state;
    enum { K, RATE, WIDE, KIND };
    static const struct {
        int option;
        const char *text, *sentence;
    } cases[] = {
        {RATE, ".5", "\"ff.rate\" is \".5\"; write it as JSON does: 0.5"},
        {RATE, "1.", "write it as JSON does: 1"},
        {RATE, "+0.25", "write it as JSON does: 0.25"},
        {RATE, "-.5", "write it as JSON does: -0.5"},
        {RATE, "0,5", "\"ff.rate\" must be a number, not \"0,5\""},
        {RATE, "inf", "\"ff.rate\" must be a number, not \"inf\""},
        {RATE, "1e999", "\"ff.rate\" is 1e999; it must be in 0..1"},
        {K, "18446744073709551616", "\"ff.k\" is 18446744073709551616; it must be in 1..64"},
        {K, "-99999999999999999999", "\"ff.k\" is -99999999999999999999; it must be in 1..64"},
        {K, "many", "\"ff.k\" must be an integer, not \"many\""},
        {K, "", "\"ff.k\" has no value"},
        {K, "+4", "write it as JSON does: 4"},
        {K, "4.0", "\"ff.k\" must be an integer, not a number with a fraction or an exponent"},
        {K, "[4]", "\"ff.k\" must be an integer, not an array"},
        {K, "true", "\"ff.k\" must be an integer, not true or false"},
        {WIDE, "yes", "\"ff.wide\" must be true or false, not \"yes\""},
        {WIDE, "99999999999999999999", "\"ff.wide\" must be true or false, not \"99999999999999999999\""},
        {KIND, "softmx", "did you mean \"softmax\"?"},
        {KIND, "dense", "\"ff.kind\" is \"dense\"; it must be one of sigmoid|softmax|sinkhorn"},
        {KIND, "", "\"ff.kind\" has no value"},
        {KIND, "3", "must be one of sigmoid|softmax|sinkhorn, not an integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample s = {0};
        assert_int_equal(
            option_set_text(&sample_options[cases[i].option], "ff.", cases[i].text, &s), SIGMOE_BAD_ARGUMENT);
        assert_message_has(cases[i].sentence);
    }
}

static void descriptions(void **state) {
    (void)state;
    char values[64], usual[16];
    option_describe(&sample_options[0], values, sizeof values, usual, sizeof usual);
    assert_string_equal(values, "1..64");
    assert_string_equal(usual, "required");
    option_describe(&sample_options[1], values, sizeof values, usual, sizeof usual);
    assert_string_equal(values, "0..1");
    assert_string_equal(usual, "0.25");
    option_describe(&sample_options[2], values, sizeof values, usual, sizeof usual);
    assert_string_equal(values, "true|false");
    assert_string_equal(usual, "true");
    option_describe(&sample_options[3], values, sizeof values, usual, sizeof usual);
    assert_string_equal(values, "sigmoid|softmax|sinkhorn");
    assert_string_equal(usual, "softmax");
    option_describe(&sample_options[3], values, 10, usual, 4); // cut, not beyond
    assert_string_equal(values, "sigmoid|s");
    assert_string_equal(usual, "sof");
    const option open = {"steps", OPTION_INTEGER, 0, false, 1, (double)INT64_MAX, 7, NULL, ""};
    option_describe(&open, values, sizeof values, usual, sizeof usual);
    assert_string_equal(values, "1 or more");
}

static void cut_at_every_byte(void **state) {
    (void)state;
    const char *text = "{\"k\": 17, \"rate\": 0.5, \"wide\": true, \"kind\": \"sigmoid\"}";
    sample s;
    for (size_t size = 0; size < strlen(text); size++) {
        json_t *object;
        char *part = malloc(size ? size : 1); // exact, so that a read beyond is seen
        memcpy(part, text, size);
        assert_int_equal(json_parse_object("part", part, size, 100, &object), SIGMOE_BAD_FORMAT);
        free(part);
    }
    assert_int_equal(read_text(text, &s), SIGMOE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_and_defaults),
        cmocka_unit_test(errors_name_the_path),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(no_object_where_one_is_needed),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(from_text),
        cmocka_unit_test(texts_that_are_no_json),
        cmocka_unit_test(descriptions),
        cmocka_unit_test(cut_at_every_byte),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
