// The field `text` of a line of JSON: what it is, what it decodes to, and which lines are refused.
#include "system/scratch.h"

#include "prepare/json_text.h"

// The scanner sees exactly the line: what stands behind it is out of bounds for the sanitizers.
static json_text_kind find(
    const char *line, size_t size, char *decoded, size_t *decoded_size, json_text *text) {
    char *exact = malloc(size ? size : 1);
    unsigned char *levels = malloc(json_text_levels(size));
    memcpy(exact, line, size);
    memset(levels, 0xa5, json_text_levels(size));
    json_text_kind kind = json_text_find(exact, size, levels, text);
    if (kind == JSON_TEXT_FOUND) {
        char *out = malloc(text->size ? text->size : 1);
        *decoded_size = json_text_decode(text, out);
        assert_true(*decoded_size <= text->size && *decoded_size < 1000);
        memcpy(decoded, out, *decoded_size);
        free(out);
    }
    free(levels);
    free(exact);
    return kind;
}

static void gives_bytes(const char *line, const char *expected, size_t expected_size) {
    char decoded[1000];
    size_t size = 0;
    json_text text;
    json_text_kind kind = find(line, strlen(line), decoded, &size, &text);
    if (kind == JSON_TEXT_NO_JSON) fail_msg("%s: %s at %zu", line, text.problem, text.offset);
    assert_int_equal(kind, JSON_TEXT_FOUND);
    assert_int_equal(size, expected_size);
    assert_memory_equal(decoded, expected, expected_size);
}

static void gives(const char *line, const char *expected) {
    gives_bytes(line, expected, strlen(expected));
}

static void is(const char *line, json_text_kind expected) {
    char decoded[1000];
    size_t size;
    json_text text;
    json_text_kind kind = find(line, strlen(line), decoded, &size, &text);
    if (kind != expected) fail_msg("%s: %d, not %d", line, (int)kind, (int)expected);
}

static void refuses_bytes(const char *line, size_t length, size_t offset, const char *problem) {
    char decoded[1000];
    size_t size;
    json_text text;
    if (find(line, length, decoded, &size, &text) != JSON_TEXT_NO_JSON) fail_msg("taken: %s", line);
    if (!strstr(text.problem, problem) || text.offset != offset)
        fail_msg("%s: \"%s\" at %zu, not \"%s\" at %zu", line, text.problem, text.offset, problem, offset);
}

static void refuses(const char *line, size_t offset, const char *problem) {
    refuses_bytes(line, strlen(line), offset, problem);
}

static void finds_the_field(void **state) {
    (void)state;
    gives("{\"text\":\"\"}", "");
    gives(" { \"text\" : \"a b\" , \"n\" : 1 }\t\r", "a b");
    gives("{\"a\":{\"text\":1},\"b\":[{\"text\":\"no\"}],\"text\":\"yes\",\"c\":{\"text\":\"no\"}}", "yes");
    gives("{\"text\":\"first\",\"text\":\"last\"}", "last");
    gives("{\"text\":1,\"text\":\"last\"}", "last");
    gives("{\"\\u0074e\\u0078\\u0074\":\"escaped name\"}", "escaped name");
    gives("{\"text\":\"the "
          "one\",\"text\\u0000\":\"x\",\"texts\":\"x\",\"tex\":\"x\",\"\":\"x\",\"Text\":\"x\"}",
        "the one");
    is("{}", JSON_TEXT_MISSING);
    is(" { } ", JSON_TEXT_MISSING);
    is("{\"a\":{\"text\":\"x\"}}", JSON_TEXT_MISSING);
    is("{\"text\":\"x\",\"text\":[]}", JSON_TEXT_NO_STRING);
    is("{\"text\":null}", JSON_TEXT_NULL);
    is("{\"text\":\"x\",\"text\": null}", JSON_TEXT_NULL);
    is("{\"text\":nul}", JSON_TEXT_NO_JSON);
    is("{\"text\":{\"text\":\"x\"}}", JSON_TEXT_NO_STRING);
    static const char *const others[] = {"[]", "[{\"text\":\"x\"}]", "\"text\"", "0", "true", "NaN"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) is(others[i], JSON_TEXT_NO_OBJECT);
}

static void decodes(void **state) {
    (void)state;
    gives("{\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t");
    gives("{\"text\":\"\\u0041\\u007f\\u0080\\u07ff\\u0800\\uFFFF\"}",
        "A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
    gives("{\"text\":\"x\\uD83d\\uDe00y\\ud800\\udc00\\udbff\\udfff\"}",
        "x\xf0\x9f\x98\x80y\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    gives("{\"text\":\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"}",
        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80");
    gives_bytes("{\"text\":\"a\\u0000b\"}", "a\0b", 3);
    // Surrogates without a partner.
    gives("{\"text\":\"\\ud83d\"}", "\xef\xbf\xbd");
    gives("{\"text\":\"\\ud83dx\\ude00\"}", "\xef\xbf\xbdx\xef\xbf\xbd");
    gives("{\"text\":\"\\ud83d\\n\\ud83d\\u0041\"}", "\xef\xbf\xbd\n\xef\xbf\xbd"
                                                     "A");
    gives("{\"text\":\"\\ud83d\\ud83d\\ude00\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd");
    gives("{\"text\":\"\\ud83d\\\\ude00\"}", "\xef\xbf\xbd\\ude00");
}

// What no field but `text` is needed for does not matter.
static void steps_over_any_value(void **state) {
    (void)state;
    static const char *const values[] = {"123456789012345678901234567890", "1e999", "-1E-999", "-0.5e+3", "0",
        "-0", "NaN", "Infinity", "-Infinity", "true", "false", "null", "\"\\ud800\"", "\"\\u0000\"",
        "{\"\\u0000\":1}", "{\"a\":1,\"a\":[ ]}", "[[],{},[{ }]]", "[1 , \"]\", {\"}\":[2]}]",
        "{\"\":[1,[2,{\"x\":{}}]]}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char line[200];
        snprintf(line, sizeof line, "{\"id\": %s, \"text\": \"abc\"}", values[i]);
        gives(line, "abc");
        snprintf(line, sizeof line, "{\"text\": \"abc\",\"id\":%s}", values[i]);
        gives(line, "abc");
        snprintf(line, sizeof line, "{\"text\":%s}", values[i]);
        is(line, values[i][0] == '"'   ? JSON_TEXT_FOUND
                 : values[i][0] == 'n' ? JSON_TEXT_NULL
                                       : JSON_TEXT_NO_STRING);
    }
}

// Arrays and objects in each other, in a pattern that does not repeat with the bytes of `levels`.
static void steps_over_any_depth(void **state) {
    (void)state;
    enum { DEPTH = 300001 };
    char *line = malloc(8 * DEPTH), decoded[1000];
    int size = sprintf(line, "{\"deep\":");
    size_t got;
    json_text text;
    for (int i = 0; i < DEPTH; i++) size += sprintf(line + size, i % 3 ? "[" : "{\"a\":");
    line[size++] = '1';
    int middle = size;
    for (int i = DEPTH; i-- > 0;) line[size++] = i % 3 ? ']' : '}';
    size += sprintf(line + size, ",\"text\":\"abc\"}");
    assert_int_equal(find(line, (size_t)size, decoded, &got, &text), JSON_TEXT_FOUND);
    assert_int_equal(got, 3);
    line[middle + DEPTH / 2] ^= ']' ^ '}';
    refuses_bytes(line, (size_t)size, (size_t)(middle + DEPTH / 2), "no comma or");
    free(line);
}

static void keeps_to_the_grammar(void **state) {
    (void)state;
    static const char ends[] = "the line ends";
    static const char whole[] = "{\"a\":[1.5e3,{\"b\":true}],\"text\":\"x\\u00e9\xc3\xa9\"} ";
    gives(whole, "x\xc3\xa9\xc3\xa9");
    for (size_t i = 0; i + 2 < sizeof whole - 1; i++) {
        char decoded[1000];
        size_t size;
        json_text text;
        assert_int_equal(find(whole, i, decoded, &size, &text), JSON_TEXT_NO_JSON);
        assert_true(text.offset <= i);
    }
    refuses("", 0, ends);
    refuses("{", 1, ends);
    refuses("{\"text\":\"a", 10, ends);
    refuses("{\"text\":\"a\"", 11, ends);
    refuses("{\"text\":\"a\\", 11, ends);
    refuses("{\"text\":\"\\u00", 13, ends);
    refuses("{\"text\":\"a\"}x", 12, "more behind the value");
    refuses("{\"text\":\"a\"}{}", 12, "more behind the value");
    refuses("{\"text\":\"a\",}", 12, "no name in quotes");
    refuses("{,}", 1, "no name in quotes");
    refuses("{text:\"a\"}", 1, "no name in quotes");
    refuses("{\"text\" \"a\"}", 8, "no colon");
    refuses("{\"text\":}", 8, "no value");
    refuses("{\"text\":\"a\" \"b\":1}", 12, "no comma or }");
    refuses("{\"text\":\"a\"]", 11, "no comma or }");
    refuses("{\"x\":{\"a\":1]}", 11, "no comma or }");
    refuses("{\"x\":[1}", 7, "no comma or ]");
    refuses("{\"x\":[1 2]}", 8, "no comma or ]");
    refuses("{\"x\":[1,]}", 8, "no value");
    refuses("{\"x\":[,1]}", 6, "no value");
    refuses("{\"x\":{1:2}}", 6, "no name in quotes");
    refuses("{\"x\":{\"a\":1,}}", 12, "no name in quotes");
    refuses("[1,2", 4, ends);
    refuses("]", 0, "no value");
    static const char *const values[] = {"tru", "trues", "True", "nul", "NULL", "nan", "-NaN", "+1", "01",
        "-01", "1.", "1.e3", ".5", "1e", "1e+", "-", "--1", "0x10", "1_0", "-Infinit", "'a'", "a", "\\u0061",
        "/**/1"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char line[100];
        snprintf(line, sizeof line, "{\"x\":%s,\"text\":\"\"}", values[i]);
        is(line, JSON_TEXT_NO_JSON);
        snprintf(line, sizeof line, "[%s]", values[i]);
        is(line, JSON_TEXT_NO_JSON);
    }
}

static void keeps_to_the_grammar_of_strings(void **state) {
    (void)state;
    // Wherever it stands among the bytes that are looked at together.
    static const char *const bad[] = {"\n", "\t", "\x01", "\x1f", "\\x", "\\u12g4", "\\U0041", "\xff", "\x80",
        "\xc0\x80", "\xc3", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\\\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int before = 0; before < 20; before++) {
            char line[100];
            snprintf(
                line, sizeof line, "{\"text\":\"%.*s%s behind it\"}", before, "~~~~~~~~~~~~~~~~~~~~", bad[i]);
            is(line, JSON_TEXT_NO_JSON);
            snprintf(
                line, sizeof line, "{\"%.*s%s\":\"\",\"text\":\"\"}", before, "~~~~~~~~~~~~~~~~~~~~", bad[i]);
            is(line, JSON_TEXT_NO_JSON);
        }
    refuses_bytes("{\"text\":\"a\0b\"}", 14, 10, "control character");
    refuses_bytes("{\"text\":\"\\\0\"}", 13, 10, "unknown escape");
    refuses_bytes("\0{\"text\":\"\"}", 12, 0, "no value");
    gives("{\"text\":\" !#[]\x7f~ and more than eight\"}", " !#[]\x7f~ and more than eight");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_field),
        cmocka_unit_test(decodes),
        cmocka_unit_test(steps_over_any_value),
        cmocka_unit_test(steps_over_any_depth),
        cmocka_unit_test(keeps_to_the_grammar),
        cmocka_unit_test(keeps_to_the_grammar_of_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
