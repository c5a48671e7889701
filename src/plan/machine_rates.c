#include "plan/machine_rates.h"

#include "base/option.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "plan/builtin_rates.h"

#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------- keys

// The range is wider than any machine's, so that no time is 0 or infinite.
#define RATE(key, type, member, text)                                                                        \
    {key, OPTION_NUMBER, offsetof(type, member), .required = true, .low = 1e-3, .high = 1e9, .help = text}

static const option type_options[] = {
    RATE("projections_gflops", type_rates, gflops[WORK_PROJECTIONS], "projections of attention"),
    RATE("attention_gflops", type_rates, gflops[WORK_ATTENTION], "scores and values of attention"),
    RATE("feedforward_gflops", type_rates, gflops[WORK_FEEDFORWARD], "dense feedforward blocks"),
    RATE("experts_gflops", type_rates, gflops[WORK_EXPERTS], "experts and their router"),
    RATE("logits_gflops", type_rates, gflops[WORK_LOGITS], "logits and their loss"),
    RATE("stream_gb_per_s", type_rates, stream, "what is no product"),
    RATE("update_gb_per_s", type_rates, update, "the optimizer"),
};

static const option message_options[] = {
    {"ranks", OPTION_INTEGER, offsetof(message_rates, ranks), .required = true, .low = 2, .high = 1 << 20,
        .help = "processes that exchanged messages"},
    RATE("microseconds", message_rates, microseconds, "for a small message"),
    RATE("sum_gb_per_s", message_rates, sum, "that a rank sends while gradients are summed"),
    RATE("exchange_gb_per_s", message_rates, exchange, "that a rank sends of large messages"),
};

// The numbers beside those objects.
typedef struct heading {
    int64_t version, threads;
    double memory;
} heading;

static const option heading_options[] = {
    {"version", OPTION_INTEGER, offsetof(heading, version), .required = true, .low = 1, .high = 1,
        .help = "of this kind of file"},
    {"threads", OPTION_INTEGER, offsetof(heading, threads), .required = true, .low = 1, .high = 1 << 20,
        .help = "that computed at a time"},
    RATE("memory_gb_per_s", heading, memory, "between memory and one thread"),
};

#define TABLE(options) ((option_table){options, sizeof(options) / sizeof *(options)})

const type_rates *rates_of_type(const machine_rates *rates, dtype operands) {
    return operands == TYPE_BF16 ? &rates->bf16 : &rates->f32;
}

// ---------------------------------------------------------------- reading

static sigmoe_status read_text(const json_t *root, const char *key, char *out, size_t size) {
    const char *text;
    TRY(json_get_text(root, "", key, &text));
    if (strlen(text) >= size) return fail(SIGMOE_BAD_FORMAT, "%s has more than %zu bytes", key, size - 1);
    snprintf(out, size, "%s", text);
    return SIGMOE_OK;
}

static sigmoe_status read_part(const json_t *root, const char *key, option_table table, void *values) {
    char path[32];
    json_t *part;
    TRY(json_get_object(root, "", key, &part));
    snprintf(path, sizeof path, "%s.", key);
    return json_read_options(part, path, table, NULL, values);
}

static sigmoe_status read_root(const json_t *root, machine_rates *rates) {
    static const char *const also[] = {"processor", "isa", "f32", "bf16", "messages", NULL};
    heading h;
    *rates = (machine_rates){0};
    TRY(json_read_options(root, "", TABLE(heading_options), also, &h));
    rates->threads = h.threads;
    rates->memory = h.memory;
    TRY(read_text(root, "processor", rates->processor, sizeof rates->processor));
    TRY(read_text(root, "isa", rates->isa, sizeof rates->isa));
    TRY(read_part(root, "f32", TABLE(type_options), &rates->f32));
    TRY(read_part(root, "bf16", TABLE(type_options), &rates->bf16));
    return json_object_get(root, "messages")
               ? read_part(root, "messages", TABLE(message_options), &rates->messages)
               : SIGMOE_OK;
}

sigmoe_status rates_builtin(machine_rates *rates) {
    json_t *root;
    TRY(json_parse_object(
        "the library's own rates", builtin_rates_json, strlen(builtin_rates_json), JSON_MOST_VALUES, &root));
    sigmoe_status status = read_root(root, rates);
    json_decref(root);
    return status;
}

sigmoe_status rates_read(const char *path, machine_rates *rates) {
    json_t *root;
    machine_rates own;
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_root(root, rates);
    json_decref(root);
    if (status != SIGMOE_OK)
        return status == SIGMOE_NO_MEMORY ? status : fail_in(SIGMOE_BAD_FORMAT, "%s", path);
    if (rates->messages.ranks) return SIGMOE_OK;
    TRY(rates_builtin(&own));
    rates->messages = own.messages;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- writing

static sigmoe_status put_part(json_t *root, const char *key, option_table table, const void *values) {
    json_t *part;
    TRY(json_put(root, key, part = json_object()));
    return json_write_options(part, table, values);
}

static sigmoe_status fill_root(json_t *root, const machine_rates *r) {
    const heading h = {.version = 1, .threads = r->threads, .memory = r->memory};
    TRY(json_put(root, "processor", json_string(r->processor)));
    TRY(json_put(root, "isa", json_string(r->isa)));
    TRY(json_write_options(root, TABLE(heading_options), &h));
    TRY(put_part(root, "f32", TABLE(type_options), &r->f32));
    TRY(put_part(root, "bf16", TABLE(type_options), &r->bf16));
    return r->messages.ranks ? put_part(root, "messages", TABLE(message_options), &r->messages) : SIGMOE_OK;
}

sigmoe_status rates_write(const char *path, const machine_rates *rates) {
    json_t *root = json_object();
    if (!root) return fail(SIGMOE_NO_MEMORY, "no memory for rates");
    return json_save(fill_root(root, rates), path, root);
}
