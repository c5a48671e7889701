#include "compare/run_result.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"

#include <math.h>
#include <stddef.h>

// ---------------------------------------------------------------- numbers in JSON, NaN as null

typedef struct number_field {
    const char *name;
    size_t offset; // of a double
} number_field;

static sigmoe_status put_numbers(json_t *object, const number_field *fields, int count, const void *values) {
    for (int i = 0; i < count; i++)
        TRY(json_put(
            object, fields[i].name, json_finite(*(const double *)((const char *)values + fields[i].offset))));
    return SIGMOE_OK;
}

static sigmoe_status get_number(
    const json_t *object, const char *path, const number_field *field, void *values) {
    const json_t *value = json_object_get(object, field->name);
    if (!json_is_number(value) && !json_is_null(value))
        return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" must be a number or null", path, field->name);
    *(double *)((char *)values + field->offset) = json_is_number(value) ? json_number_value(value) : NAN;
    return SIGMOE_OK;
}

static sigmoe_status get_numbers(
    const json_t *object, const char *path, const number_field *fields, int count, void *values) {
    for (int i = 0; i < count; i++) TRY(get_number(object, path, &fields[i], values));
    return SIGMOE_OK;
}

// The numbers that version 0.1.0 did not write.
static sigmoe_status get_later_numbers(
    const json_t *object, const number_field *fields, int count, void *values) {
    for (int i = 0; i < count; i++) {
        *(double *)((char *)values + fields[i].offset) = NAN;
        if (json_object_get(object, fields[i].name)) TRY(get_number(object, "", &fields[i], values));
    }
    return SIGMOE_OK;
}

#define SCORE(field) {#field, offsetof(sigmoe_scores, field)}
static const number_field score_fields[] = {SCORE(nats_per_token), SCORE(perplexity), SCORE(bits_per_token),
    SCORE(bits_per_char), SCORE(bits_per_byte), SCORE(word_perplexity)};

#define RESULT(name, field) {name, offsetof(run_result, field)}
static const number_field result_fields[] = {RESULT("seconds", seconds),
    RESULT("tokens_per_s", tokens_per_second.median),
    RESULT("feedforward_seconds_per_step", feedforward_seconds.median),
    RESULT("peak_activation_bytes", peak_activation_bytes)};
static const number_field spread_fields[] = {RESULT("tokens_per_s_q1", tokens_per_second.low),
    RESULT("tokens_per_s_q3", tokens_per_second.high),
    RESULT("feedforward_seconds_per_step_q1", feedforward_seconds.low),
    RESULT("feedforward_seconds_per_step_q3", feedforward_seconds.high)};

#define COST(field) {#field, offsetof(trainer_costs, field)}
static const number_field cost_fields[] = {
    COST(seconds), COST(feedforward_seconds), COST(peak_activation_bytes)};

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

sigmoe_status scores_to_json(const sigmoe_scores *scores, json_t **out) {
    json_t *object = json_object();
    sigmoe_status status = json_put(object, "tokens", json_integer(scores->tokens));
    if (status == SIGMOE_OK) status = put_numbers(object, score_fields, COUNT(score_fields), scores);
    return json_hand_out(status, object, out);
}

sigmoe_status scores_from_json(const json_t *object, const char *path, sigmoe_scores *out) {
    TRY(json_get_integer(object, path, "tokens", 0, &out->tokens));
    return get_numbers(object, path, score_fields, COUNT(score_fields), out);
}

// ---------------------------------------------------------------- result.json

#define NO_SCORES {0, NAN, NAN, NAN, NAN, NAN, NAN}
const run_result run_result_unknown = {.pending = true,
    .valid = NO_SCORES,
    .test = NO_SCORES,
    .tokens_per_second = {NAN, NAN, NAN},
    .feedforward_seconds = {NAN, NAN, NAN},
    .peak_activation_bytes = NAN};

static json_t *sample_to_json(const run_result *r) {
    if (!r->sample) return json_null();
    return json_pack("{s:s,s:s}", "prompt", r->sample_prompt, "text", r->sample);
}

static sigmoe_status fill_result(json_t *root, const run_result *r) {
    json_t *valid, *test;
    TRY(json_put(root, "steps", json_integer(r->steps)));
    TRY(json_put(root, "failure", r->failure ? json_string(r->failure) : json_null()));
    TRY(json_put(root, "sample", sample_to_json(r)));
    TRY(scores_to_json(&r->valid, &valid));
    TRY(json_put(root, "valid", valid));
    TRY(scores_to_json(&r->test, &test));
    TRY(json_put(root, "test", test));
    TRY(put_numbers(root, result_fields, COUNT(result_fields), r));
    return put_numbers(root, spread_fields, COUNT(spread_fields), r);
}

sigmoe_status run_result_write(const char *path, const run_result *r) {
    json_t *root = json_object();
    return json_save(fill_result(root, r), path, root);
}

static sigmoe_status parse_sample(const json_t *root, arena *a, run_result *r) {
    json_t *sample;
    const char *prompt, *text;
    const json_t *found = json_object_get(root, "sample");
    if (!found || json_is_null(found)) return SIGMOE_OK; // older versions made none
    TRY(json_get_object(root, "", "sample", &sample));
    TRY(json_get_text(sample, "sample.", "prompt", &prompt));
    TRY(json_get_text(sample, "sample.", "text", &text));
    r->sample_prompt = arena_text(a, "%s", prompt);
    r->sample = arena_text(a, "%s", text);
    return r->sample_prompt && r->sample ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status parse_result(const json_t *root, arena *a, run_result *r) {
    json_t *valid, *test;
    const char *failure;
    TRY(json_get_integer(root, "", "steps", 0, &r->steps));
    if (!json_is_null(json_object_get(root, "failure"))) {
        TRY(json_get_text(root, "", "failure", &failure));
        r->failure = arena_text(a, "%s", failure);
        if (!r->failure) return SIGMOE_NO_MEMORY;
    }
    TRY(parse_sample(root, a, r));
    TRY(json_get_object(root, "", "valid", &valid));
    TRY(scores_from_json(valid, "valid.", &r->valid));
    TRY(json_get_object(root, "", "test", &test));
    TRY(scores_from_json(test, "test.", &r->test));
    TRY(get_later_numbers(root, spread_fields, COUNT(spread_fields), r));
    return get_numbers(root, "", result_fields, COUNT(result_fields), r);
}

sigmoe_status run_result_read(const char *path, arena *a, run_result *r) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = parse_result(root, a, r);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s (remove it to score the run again)", path);
}

// ---------------------------------------------------------------- costs.json: what was measured before an interruption

static const char TIMES[] = "feedforward_times";

static sigmoe_status fill_costs(json_t *root, const trainer_costs *costs) {
    json_t *times;
    TRY(json_put(root, "steps", json_integer(costs->steps)));
    TRY(put_numbers(root, cost_fields, COUNT(cost_fields), costs));
    TRY(step_samples_to_json(&costs->feedforward_times, &times));
    return json_put(root, TIMES, times);
}

sigmoe_status run_costs_write(const char *path, const trainer_costs *costs) {
    json_t *root = json_object();
    return json_save(fill_costs(root, costs), path, root);
}

static sigmoe_status parse_costs(const json_t *root, trainer_costs *costs) {
    json_t *times;
    TRY(json_get_integer(root, "", "steps", 0, &costs->steps));
    TRY(get_numbers(root, "", cost_fields, COUNT(cost_fields), costs));
    if (!json_object_get(root, TIMES)) return SIGMOE_OK; // written by version 0.1.0
    TRY(json_get_object(root, "", TIMES, &times));
    return step_samples_from_json(times, "feedforward_times.", &costs->feedforward_times);
}

sigmoe_status run_costs_read(const char *path, trainer_costs *costs) {
    json_t *root;
    *costs = (trainer_costs){0};
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(json_read_object(path, &root));
    sigmoe_status status = parse_costs(root, costs);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}
