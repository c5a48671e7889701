#include "fuzz.h"

#include "prepare/json_text.h"

static bool has(const char *line, size_t size, const char *what) {
    return memmem(line, size, what, strlen(what)) != NULL;
}

// What jansson accepts must be accepted, with the same result.
static void check_same(const json_t *value, json_text_kind kind, const char *decoded, size_t size) {
    const json_t *text = json_object_get(value, "text");
    json_text_kind expected = !json_is_object(value) ? JSON_TEXT_NO_OBJECT
                              : !text                ? JSON_TEXT_MISSING
                              : json_is_string(text) ? JSON_TEXT_FOUND
                              : json_is_null(text)   ? JSON_TEXT_NULL
                                                     : JSON_TEXT_NO_STRING;
    if (kind != expected) abort();
    if (kind != JSON_TEXT_FOUND) return;
    if (size != json_string_length(text) || memcmp(decoded, json_string_value(text), size) != 0) abort();
}

// What jansson refuses must be refused, except for its own limits, unpaired surrogates, and Python's numbers.
static void check_refused(const json_error_t *error, json_text_kind kind, const char *line, size_t size) {
    enum json_error_code code = json_error_code(error);
    if (kind == JSON_TEXT_NO_JSON || code == json_error_numeric_overflow ||
        code == json_error_stack_overflow || code == json_error_null_byte_in_key)
        return;
    if (!has(line, size, "\\u") && !has(line, size, "NaN") && !has(line, size, "Infinity")) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *line = (const char *)bytes;
    json_text text;
    json_error_t error;
    size_t decoded_size = 0;
    unsigned char *levels = malloc(json_text_levels(size));
    if (!levels) abort();
    json_text_kind kind = json_text_find(line, size, levels, &text);
    if (kind == JSON_TEXT_NO_JSON && (!text.problem || text.offset > size)) abort();
    char *decoded = malloc(text.size + 1);
    if (!decoded) abort();
    if (kind == JSON_TEXT_FOUND) decoded_size = json_text_decode(&text, decoded);
    if (decoded_size > text.size) abort();
    bool zero = memchr(line, 0, size); // jansson loses some of these
    if (zero && kind != JSON_TEXT_NO_JSON) abort();
    json_t *value = zero ? NULL : json_loadb(line, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (value)
        check_same(value, kind, decoded, decoded_size);
    else if (!zero)
        check_refused(&error, kind, line, size);
    json_decref(value);
    free(decoded);
    free(levels);
    return 0;
}
