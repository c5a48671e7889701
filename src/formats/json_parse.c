#include "formats/json_parse.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t json_next_mark(const char *text, size_t size, size_t from) {
    static const char marks[] = {',', '[', ']', '{', '}'};
    bool in_string = false;
    for (size_t i = from; i < size; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (in_string)
            i += text[i] == '\\';
        else if (memchr(marks, text[i], sizeof marks))
            return i;
    }
    return size;
}

int64_t json_count_values(const char *text, size_t size) {
    int64_t count = 0;
    for (size_t i = json_next_mark(text, size, 0); i < size; i = json_next_mark(text, size, i + 1))
        count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    return count;
}

// The position of the first bracket that nests too deeply, or `size`. May be wrong if the text is not JSON.
static size_t too_deep_at(const char *text, size_t size) {
    int depth = 0;
    for (size_t i = json_next_mark(text, size, 0); i < size; i = json_next_mark(text, size, i + 1)) {
        if (text[i] == '[' || text[i] == '{')
            depth++;
        else if (text[i] != ',')
            depth--;
        if (depth > JSON_MOST_DEPTH) return i;
    }
    return size;
}

static void tell_place(const char *text, size_t at, json_error_t *error) {
    *error = (json_error_t){.line = 1, .column = 1, .position = (int)at};
    for (size_t i = 0; i < at; i++) {
        bool ends = text[i] == '\n';
        error->line += ends;
        error->column = ends ? 1 : error->column + 1;
    }
}

static json_t *refuse(const char *text, size_t at, const char *why, json_error_t *error) {
    if (error) {
        tell_place(text, at, error);
        snprintf(error->text, sizeof error->text, "%s", why);
    }
    return NULL;
}

json_t *json_parse(const char *text, size_t size, size_t flags, json_error_t *error) {
    static_assert(JSON_MOST_DEPTH == 64, "as the message says");
    size_t deep = too_deep_at(text, size);
    if (deep < size) return refuse(text, deep, "brackets are nested more than 64 deep", error);
    // jansson passes over a zero byte behind a number.
    const char *zero = memchr(text, 0, size);
    if (zero) return refuse(text, (size_t)(zero - text), "a zero byte, which no JSON has", error);
    return json_loadb(text, size, flags, error);
}
