#include "fuzz.h"

#include "data/tokenizer.h"
#include "formats/json_options.h"

#include <string.h>

// A table with an option of each type, as the model's tables have them.
typedef struct values {
    int64_t k;
    double rate;
    bool wide;
    int kind;
} values;

static const char *const kinds[] = {"sigmoid", "softmax", "sinkhorn", NULL};
static const option options[] = {
    {"k", OPTION_INTEGER, offsetof(values, k), true, 1, 64, 0, NULL, ""},
    {"rate", OPTION_NUMBER, offsetof(values, rate), false, 0, 1, 0.25, NULL, ""},
    {"wide", OPTION_FLAG, offsetof(values, wide), false, 0, 0, 0, NULL, ""},
    {"kind", OPTION_CHOICE, offsetof(values, kind), false, 0, 0, 1, kinds, ""},
};
static const option_table table = {options, sizeof options / sizeof *options};
static const char *const also[] = {"tokenizer", NULL};

// What was read must be within its limits, and the same when it is written and read again.
static void check_values(const values *v) {
    values again;
    if (v->k < 1 || v->k > 64 || !(v->rate >= 0 && v->rate <= 1) || v->kind < 0 || v->kind > 2) abort();
    json_t *object = json_object();
    if (json_write_options(object, table, v) != SIGMOE_OK ||
        json_read_options(object, "", table, NULL, &again) != SIGMOE_OK)
        abort();
    if (again.k != v->k || again.rate != v->rate || again.wide != v->wide || again.kind != v->kind) abort();
    json_decref(object);
}

static void read_config(const char *path) {
    json_t *object, *written;
    values v;
    tokenizer t, back;
    if (json_read_object(path, &object) != SIGMOE_OK) return;
    if (json_read_options(object, "ff.", table, also, &v) == SIGMOE_OK) check_values(&v);
    const json_t *described = json_object_get(object, "tokenizer");
    if (tokenizer_from_json(described, "tokenizer", &t) == SIGMOE_OK) {
        if (tokenizer_to_json(&t, &written) != SIGMOE_OK) abort();
        if (tokenizer_from_json(written, "tokenizer", &back) != SIGMOE_OK || !tokenizer_equal(&t, &back))
            abort();
        json_decref(written);
    }
    json_decref(object);
}

// The input as the text of a command line's --set, for every option.
static void read_setting(const uint8_t *bytes, size_t size) {
    values v;
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    for (int i = 0; i < table.count; i++) {
        option_defaults(table, &v);
        v.k = 1;
        if (option_set_text(&options[i], "ff.", text, &v) == SIGMOE_OK) check_values(&v);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_config, bytes, size);
    if (size > 0) read_setting(bytes, size);
    return 0;
}
