#include "train/validate.h"
#include "train/loop.h"
#include "train/train_json.h"
#include "compare/run.h"

#include "compare/curves.h"
#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/place.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/run_log.h"

#include <math.h>

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

// Those that version 0.1.0 did not write.
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
    if (status == SIGMOE_OK)
        *out = object;
    else
        json_decref(object);
    return status;
}

sigmoe_status scores_from_json(const json_t *object, const char *path, sigmoe_scores *out) {
    TRY(json_get_integer(object, path, "tokens", 0, &out->tokens));
    return get_numbers(object, path, score_fields, COUNT(score_fields), out);
}

// ---------------------------------------------------------------- result.json

static sigmoe_status fill_result(json_t *root, const run_result *r) {
    json_t *valid, *test;
    TRY(json_put(root, "steps", json_integer(r->steps)));
    TRY(json_put(root, "failure", r->failure ? json_string(r->failure) : json_null()));
    TRY(scores_to_json(&r->valid, &valid));
    TRY(json_put(root, "valid", valid));
    TRY(scores_to_json(&r->test, &test));
    TRY(json_put(root, "test", test));
    TRY(put_numbers(root, result_fields, COUNT(result_fields), r));
    return put_numbers(root, spread_fields, COUNT(spread_fields), r);
}

static sigmoe_status write_result(const char *path, const run_result *r) {
    json_t *root = json_object();
    sigmoe_status status = fill_result(root, r);
    if (status == SIGMOE_OK) status = json_write(path, root);
    json_decref(root);
    return status;
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
    TRY(json_get_object(root, "", "valid", &valid));
    TRY(scores_from_json(valid, "valid.", &r->valid));
    TRY(json_get_object(root, "", "test", &test));
    TRY(scores_from_json(test, "test.", &r->test));
    TRY(get_later_numbers(root, spread_fields, COUNT(spread_fields), r));
    return get_numbers(root, "", result_fields, COUNT(result_fields), r);
}

static sigmoe_status read_result(const char *path, arena *a, run_result *r) {
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

static sigmoe_status write_costs(const char *path, const trainer_costs *costs) {
    json_t *root = json_object();
    sigmoe_status status = fill_costs(root, costs);
    if (status == SIGMOE_OK) status = json_write(path, root);
    json_decref(root);
    return status;
}

static sigmoe_status parse_costs(const json_t *root, trainer_costs *costs) {
    json_t *times;
    TRY(json_get_integer(root, "", "steps", 0, &costs->steps));
    TRY(get_numbers(root, "", cost_fields, COUNT(cost_fields), costs));
    if (!json_object_get(root, TIMES)) return SIGMOE_OK; // of version 0.1.0
    TRY(json_get_object(root, "", TIMES, &times));
    return step_samples_from_json(times, "feedforward_times.", &costs->feedforward_times);
}

static sigmoe_status read_costs(const char *path, trainer_costs *costs) {
    json_t *root;
    *costs = (trainer_costs){0};
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(json_read_object(path, &root));
    sigmoe_status status = parse_costs(root, costs);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

static void add_costs(trainer_costs *before, const trainer_costs *after) {
    before->steps += after->steps;
    before->seconds += after->seconds;
    before->feedforward_seconds += after->feedforward_seconds;
    step_samples_join(&before->feedforward_times, &after->feedforward_times);
    before->peak_activation_bytes = fmax(before->peak_activation_bytes, after->peak_activation_bytes);
}

// ---------------------------------------------------------------- what is there already

// It is known from the data.
static void leave_out_tokenizer(const sigmoe_config *config, json_t *object) {
    (void)config;
    json_object_del(object, "tokenizer");
}

static sigmoe_status is_another(const run_request *r, const char *what) {
    return fail(SIGMOE_BAD_FORMAT,
        "%s was trained with %s than the comparison asks for; remove it to have it trained again",
        r->directory, what);
}

static sigmoe_status check_settings(const run_request *r) {
    char path[PATH_CAPACITY], what[64];
    sigmoe_train_settings settings;
    dataset data;
    TRY(path_format(path, "%s/train.json", r->directory));
    if (!path_exists(path)) return SIGMOE_OK; // a finished run can do without
    TRY(train_json_read(r->directory, r->data->directory, &settings, NULL, &data));
    const char *name = train_settings_difference(&settings, r->settings);
    snprintf(what, sizeof what, "another value of %s", name ? name : "");
    return name ? is_another(r, what) : SIGMOE_OK;
}

static sigmoe_status check_model(const run_request *r, const char *checkpoint) {
    char path[PATH_CAPACITY];
    sigmoe_config config;
    TRY(path_format(path, "%s/config.json", checkpoint));
    TRY(config_read(path, &config));
    return config_equal(&config, r->config, leave_out_tokenizer) ? SIGMOE_OK : is_another(r, "another model");
}

// The comparison's record says what its runs are, but can have been changed since they began.
static sigmoe_status check_result(const run_request *r, const run_result *result) {
    char checkpoint[PATH_CAPACITY];
    bool found;
    if (!result->failure && result->steps != r->settings->steps)
        return is_another(r, "another number of steps");
    TRY(check_settings(r));
    TRY(checkpoint_find(r->directory, checkpoint, &found));
    return found ? check_model(r, checkpoint) : SIGMOE_OK;
}

// ---------------------------------------------------------------- the run

static sigmoe_status start_fresh(const run_request *r, int *lock, trainer **out) {
    trainer *t;
    trainer_request request = {.config = r->config,
        .data = r->data,
        .settings = r->settings,
        .checkpoint_seconds = r->checkpoint_seconds,
        .threads = r->observer ? r->observer->threads : 0};
    TRY(trainer_create(&request, &t));
    // Interrupted before its first checkpoint: nothing there to go on from.
    taken_place p;
    sigmoe_status status = place_take(&p, r->directory, OUTPUT_RUN, true, r->observer);
    if (status == SIGMOE_OK) status = place_settle(&p, trainer_begin_run(t, r->directory));
    if (status == SIGMOE_OK) *lock = p.lock;
    if (status == SIGMOE_OK)
        *out = t;
    else
        trainer_destroy(t);
    return status;
}

static sigmoe_status go_on(const run_request *r, const char *checkpoint, int *lock, trainer **out) {
    TRY(place_lock(r->directory, OUTPUT_RUN, r->observer, lock));
    TRY(check_settings(r));
    TRY(check_model(r, checkpoint));
    return trainer_resume(r->directory, r->data->directory, r->observer ? r->observer->threads : 0, out);
}

// Who trains in the run's directory, this or another command, is alone there as long as *lock is open.
static sigmoe_status open_trainer(const run_request *r, int *lock, trainer **out) {
    char newest[PATH_CAPACITY];
    bool found;
    TRY(checkpoint_find(r->directory, newest, &found));
    return found ? go_on(r, newest, lock, out) : start_fresh(r, lock, out);
}

static const sigmoe_scores no_scores = {0, NAN, NAN, NAN, NAN, NAN, NAN};

static sigmoe_status train_and_score(const run_request *r, trainer *t, arena *a, run_result *result) {
    result->valid = result->test = no_scores;
    sigmoe_status status = trainer_run(t, r->task, r->observer, NULL);
    result->steps = trainer_steps_done(t);
    if (status == SIGMOE_OK)
        status = trainer_score(t, "valid", SCORE_STREAMS, r->test_tokens, r->observer, &result->valid);
    if (status == SIGMOE_OK)
        status = trainer_score(t, "test", SCORE_STREAMS, r->test_tokens, r->observer, &result->test);
    if (status != SIGMOE_NOT_FINITE) return status;
    result->valid = result->test = no_scores;
    result->failure = arena_text(a, "%s", sigmoe_message());
    return result->failure ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static quartiles rate_of(run_curve *curve) {
    int known = 0;
    for (int64_t i = 0; i < curve->steps; i++)
        if (isfinite(curve->rate[i])) curve->rate[known++] = curve->rate[i];
    return quartiles_of(curve->rate, known);
}

static sigmoe_status measure(const run_request *r, const trainer_costs *costs, arena *a, run_result *result) {
    run_curve curve;
    arena_mark mark = arena_here(a);
    int64_t step_tokens = r->settings->batch * r->config->model.unroll;
    TRY(run_curve_read(r->directory, step_tokens, a, &curve));
    result->seconds = curve.steps > 0 ? curve.seconds[curve.steps - 1] : 0;
    result->tokens_per_second = rate_of(&curve);
    arena_release(a, mark);
    result->feedforward_seconds = step_samples_quartiles(&costs->feedforward_times);
    result->peak_activation_bytes = costs->steps > 0 ? costs->peak_activation_bytes : NAN;
    return SIGMOE_OK;
}

static sigmoe_status finish(
    const run_request *r, trainer *t, const char *costs_path, arena *a, run_result *result) {
    trainer_costs *costs; // large for a frame
    TRY(ARENA_NEW(a, costs, 1));
    TRY(read_costs(costs_path, costs));
    sigmoe_status status = train_and_score(r, t, a, result);
    add_costs(costs, trainer_costs_so_far(t));
    if (status == SIGMOE_INTERRUPTED) {
        TRY(write_costs(costs_path, costs));
        return fail(status, "stopped at %s after %lld of %lld step%s; `resume` goes on from here", r->task,
            (long long)trainer_steps_done(t), (long long)r->settings->steps, plural(r->settings->steps));
    }
    TRY(status);
    return measure(r, costs, a, result);
}

static sigmoe_status result_path_of(const char *directory, char path[PATH_CAPACITY]) {
    return path_format(path, "%s/result.json", directory);
}

bool compare_run_finished(const char *directory) {
    char path[PATH_CAPACITY];
    return result_path_of(directory, path) == SIGMOE_OK && path_exists(path);
}

sigmoe_status compare_run(const run_request *r, arena *a, run_result *result) {
    char result_path[PATH_CAPACITY], costs_path[PATH_CAPACITY];
    trainer *t;
    *result = (run_result){0};
    TRY(result_path_of(r->directory, result_path));
    TRY(path_format(costs_path, "%s/costs.json", r->directory));
    if (path_exists(result_path)) {
        TRY(read_result(result_path, a, result));
        return check_result(r, result);
    }
    int lock = -1;
    sigmoe_status status = open_trainer(r, &lock, &t);
    if (status == SIGMOE_OK) {
        status = finish(r, t, costs_path, a, result);
        trainer_destroy(t);
    }
    if (status == SIGMOE_OK) status = write_result(result_path, result);
    place_unlock(lock);
    return status;
}
