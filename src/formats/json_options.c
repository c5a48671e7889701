#include "formats/json_options.h"

#include "formats/json_parse.h"
#include "formats/json_print.h"
#include "system/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KNOWN_KEYS = 64, MOST_BYTES = 4 << 20 };

sigmoe_status json_parse_object(
    const char *name, const void *bytes, size_t size, int64_t most_values, json_t **out) {
    static const char mark[] = "\xef\xbb\xbf"; // some editors put this before UTF-8
    json_error_t error;
    if (size >= strlen(mark) && memcmp(bytes, mark, strlen(mark)) == 0) {
        bytes = (const char *)bytes + strlen(mark);
        size -= strlen(mark);
    }
    if (size == 0) return fail(SIGMOE_BAD_FORMAT, "%s is empty: a JSON object is needed", name);
    if (json_count_values(bytes, size) > most_values)
        return fail(SIGMOE_BAD_FORMAT, "%s: more than %" PRId64 " JSON values: this is another kind of file",
            name, most_values);
    json_t *value = json_parse(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return fail(
            SIGMOE_BAD_FORMAT, "%s, line %d, column %d: %s", name, error.line, error.column, error.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return fail(SIGMOE_BAD_FORMAT, "%s: a JSON object is needed, not an array", name);
    }
    *out = value;
    return SIGMOE_OK;
}

sigmoe_status json_read_object(const char *path, json_t **out) {
    file_map map;
    TRY(file_map_open_up_to(path, MOST_BYTES, &map));
    sigmoe_status status = json_parse_object(path, map.bytes, map.size, JSON_MOST_VALUES, out);
    file_map_close(&map);
    return status;
}

char *json_text(const json_t *object) {
    char *text = json_print(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;
    if (!again || !json_equal(again, object)) {
        free(text);
        text = json_print(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    }
    json_decref(again);
    return text;
}

static sigmoe_status print_line(FILE *out, const void *text) {
    fprintf(out, "%s\n", (const char *)text);
    return SIGMOE_OK;
}

sigmoe_status json_write_as(const char *path, const json_t *object, file_contents *print) {
    char *text = json_text(object);
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory to write %s", path);
    sigmoe_status status = file_print(path, print, text);
    free(text);
    return status;
}

sigmoe_status json_write(const char *path, const json_t *object) {
    return json_write_as(path, object, print_line);
}

sigmoe_status json_save(sigmoe_status filled, const char *path, json_t *root) {
    sigmoe_status status = filled == SIGMOE_OK ? json_write(path, root) : filled;
    json_decref(root);
    return status;
}

static bool listed(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

static sigmoe_status unknown_key(
    const char *path, const char *key, option_table table, const char *const *also) {
    const char *known[MOST_KNOWN_KEYS];
    int count = 0;
    for (int i = 0; i < table.count && count < MOST_KNOWN_KEYS; i++) known[count++] = table.options[i].name;
    for (; also && *also && count < MOST_KNOWN_KEYS; also++) known[count++] = *also;
    return fail(SIGMOE_BAD_FORMAT, "unknown key \"%s%.80s\"%s", path, key,
        option_hint(path, key, known, count, NULL).text);
}

// The type of a value, for "must be ..., not ...".
static const char *type_name(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or an exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

static sigmoe_status wrong_type(const option *o, const char *path, const char *needed, const json_t *value) {
    return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" must be %s, not %s", path, o->name, needed, type_name(value));
}

static sigmoe_status set_integer(const option *o, const char *path, const json_t *value, int64_t *out) {
    if (!json_is_integer(value)) return wrong_type(o, path, "an integer", value);
    int64_t number = json_integer_value(value);
    char range[64], usual[64];
    option_describe(o, range, sizeof range, usual, sizeof usual);
    if ((double)number < o->low || (double)number > o->high)
        return fail(
            SIGMOE_BAD_FORMAT, "\"%s%s\" is %lld; it must be in %s", path, o->name, (long long)number, range);
    *out = number;
    return SIGMOE_OK;
}

static sigmoe_status set_number(const option *o, const char *path, const json_t *value, double *out) {
    if (!json_is_number(value)) return wrong_type(o, path, "a number", value);
    double number = json_number_value(value);
    char range[64], usual[64];
    option_describe(o, range, sizeof range, usual, sizeof usual);
    if (!(number >= o->low && number <= o->high))
        return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" is %g; it must be in %s", path, o->name, number, range);
    *out = number;
    return SIGMOE_OK;
}

static sigmoe_status set_choice(const option *o, const char *path, const json_t *value, int *out) {
    char all[512], usual[64];
    option_describe(o, all, sizeof all, usual, sizeof usual);
    if (!json_is_string(value))
        return fail(
            SIGMOE_BAD_FORMAT, "\"%s%s\" must be one of %s, not %s", path, o->name, all, type_name(value));
    const char *text = json_string_value(value);
    int count = 0;
    for (; o->choices[count]; count++) {
        if (strcmp(o->choices[count], text) != 0) continue;
        *out = count;
        return SIGMOE_OK;
    }
    const char *nearest = sigmoe_nearest(text, o->choices, count);
    return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" is \"%.80s\"; it must be one of %s%s", path, o->name, text, all,
        nearest ? option_hint("", text, &nearest, 1, NULL).text : "");
}

static sigmoe_status set_value(const option *o, const char *path, const json_t *value, void *values) {
    void *at = (char *)values + o->offset;
    switch (o->type) {
    case OPTION_INTEGER:
        return set_integer(o, path, value, at);
    case OPTION_NUMBER:
        return set_number(o, path, value, at);
    case OPTION_CHOICE:
        return set_choice(o, path, value, at);
    case OPTION_FLAG:
        if (!json_is_boolean(value)) return wrong_type(o, path, "true or false", value);
        *(bool *)at = json_is_true(value);
    }
    return SIGMOE_OK;
}

sigmoe_status json_read_options(
    const json_t *object, const char *path, option_table table, const char *const *also, void *values) {
    if (!json_is_object(object))
        return fail(SIGMOE_BAD_FORMAT, "\"%.*s\" must be an object", (int)strlen(path) - 1, path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (!option_find(table, key) && !listed(also, key)) return unknown_key(path, key, table, also);
    }
    option_defaults(table, values);
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        value = json_object_get(object, o->name);
        if (!value && o->required) return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" is missing", path, o->name);
        if (value) TRY(set_value(o, path, value, values));
    }
    return SIGMOE_OK;
}

sigmoe_status json_write_options(json_t *object, option_table table, const void *values) {
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        const void *at = (const char *)values + o->offset;
        json_t *value = NULL;
        switch (o->type) {
        case OPTION_INTEGER:
            value = json_integer(*(const int64_t *)at);
            break;
        case OPTION_NUMBER:
            value = json_real(*(const double *)at);
            break;
        case OPTION_FLAG:
            value = json_boolean(*(const bool *)at);
            break;
        case OPTION_CHOICE:
            value = json_string(o->choices[*(const int *)at]);
            break;
        }
        // Also refuses a NULL value: NaN, or out of memory.
        if (json_object_set_new(object, o->name, value) != 0)
            return fail(SIGMOE_NO_MEMORY, "\"%s\" cannot be written as JSON", o->name);
    }
    return SIGMOE_OK;
}

static void describe_range(const option *o, char *text, size_t size) {
    const double no_limit = 9e15; // 2^53 and beyond: no reader needs the number
    if (o->high >= no_limit)
        snprintf(text, size, "%.15g or more", o->low);
    else
        snprintf(text, size, "%.15g..%.15g", o->low, o->high);
}

// If the text is a number, but not as JSON writes it (".5", "1.", "+3"), shows the JSON form.
static sigmoe_status no_json_number(const option *o, const char *path, const char *text) {
    char *end;
    const char *needed = o->type == OPTION_FLAG      ? "true or false"
                         : o->type == OPTION_INTEGER ? "an integer"
                                                     : "a number";
    double number = strtod(text, &end);
    if (o->type != OPTION_FLAG && end != text && *end == '\0' && isfinite(number))
        return fail(SIGMOE_BAD_ARGUMENT, "\"%s%s\" is \"%.80s\"; write it as JSON does: %.15g", path, o->name,
            text, number);
    return fail(SIGMOE_BAD_ARGUMENT, "\"%s%s\" must be %s, not \"%.80s\"", path, o->name, needed, text);
}

// Handles text that is not a JSON value, or a number that is too large.
static sigmoe_status set_word(
    const option *o, const char *path, const char *text, bool too_large, void *values) {
    char range[64];
    json_t *word = json_string(text);
    if (!word) return fail(SIGMOE_BAD_ARGUMENT, "the value of \"%s%s\" is not UTF-8 text", path, o->name);
    sigmoe_status status = SIGMOE_OK;
    if (*text == '\0') {
        status = fail(SIGMOE_BAD_ARGUMENT, "\"%s%s\" has no value: one follows behind the =", path, o->name);
    } else if (o->type == OPTION_CHOICE) {
        status = set_value(o, path, word, values);
    } else if (too_large && o->type != OPTION_FLAG) {
        describe_range(o, range, sizeof range);
        status = fail(SIGMOE_BAD_ARGUMENT, "\"%s%s\" is %.80s; it must be in %s", path, o->name, text, range);
    } else {
        status = no_json_number(o, path, text);
    }
    json_decref(word);
    return status;
}

sigmoe_status option_set_text(const option *o, const char *path, const char *text, void *values) {
    json_error_t error;
    json_t *value = json_parse(text, strlen(text), JSON_DECODE_ANY, &error);
    sigmoe_status status =
        value ? set_value(o, path, value, values)
              : set_word(o, path, text, json_error_code(&error) == json_error_numeric_overflow, values);
    json_decref(value);
    return status == SIGMOE_BAD_FORMAT ? SIGMOE_BAD_ARGUMENT : status;
}

void option_describe(const option *o, char *values, size_t values_size, char *usual, size_t usual_size) {
    switch (o->type) {
    case OPTION_INTEGER:
    case OPTION_NUMBER:
        describe_range(o, values, values_size);
        snprintf(usual, usual_size, "%.15g", o->usual);
        break;
    case OPTION_FLAG:
        snprintf(values, values_size, "true|false");
        snprintf(usual, usual_size, "%s", o->usual != 0 ? "true" : "false");
        break;
    case OPTION_CHOICE:
        values[0] = '\0';
        for (int i = 0; o->choices[i]; i++) {
            size_t used = strlen(values);
            snprintf(values + used, values_size - used, "%s%s", i ? "|" : "", o->choices[i]);
        }
        snprintf(usual, usual_size, "%s", o->choices[(int)o->usual]);
        break;
    }
    if (o->required) snprintf(usual, usual_size, "required");
}
