#include "watch/run_series.h"

#include "formats/json_objects.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const step_columns[STEP_COLUMNS] = {
    [STEP_LOSS] = "loss",
    [STEP_REG] = "reg",
    [STEP_GRADIENT] = "grad_norm",
    [STEP_LR] = "lr",
    [STEP_SPEED] = "tokens_per_s",
};
const char *const valid_columns[VALID_COLUMNS] = {
    "tokens", [VALID_NATS] = "nats_per_token", [VALID_PERPLEXITY] = "perplexity",
    [VALID_BITS_PER_TOKEN] = "bits_per_token", [VALID_BITS_PER_CHAR] = "bits_per_char", "bits_per_byte",
    "word_perplexity"};

// ---------------------------------------------------------------- numbers

static const int64_t MOST_STEPS = INT64_C(1000000000000);

static sigmoe_status make_room(series *s) {
    if (s->count < s->room) return SIGMOE_OK;
    int64_t room = s->room > 0 ? 2 * s->room : 1024;
    int64_t *step = realloc(s->step, (size_t)room * sizeof *step);
    if (step) s->step = step;
    double *values = realloc(s->values, (size_t)(room * s->columns) * sizeof *values);
    if (values) s->values = values;
    if (!step || !values) return fail(SIGMOE_NO_MEMORY, "no memory for what the run measured");
    s->room = room;
    return SIGMOE_OK;
}

static double number_of(const json_t *value) {
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// Steps of which a line is there twice are damaged logs.
static sigmoe_status add_line(series *s, const json_t *line, const char *const *keys) {
    int64_t step, least_step = s->count > 0 ? s->step[s->count - 1] + 1 : 0;
    TRY(json_get_integer(line, "", "step", least_step, &step));
    if (step > MOST_STEPS) return fail(SIGMOE_BAD_FORMAT, "no run has a step %" PRId64, step);
    TRY(make_room(s));
    s->step[s->count] = step;
    for (int i = 0; i < s->columns; i++)
        s->values[s->count * s->columns + i] = number_of(json_object_get(line, keys[i]));
    s->count++;
    return SIGMOE_OK;
}

static sigmoe_status take_step(void *context, const json_t *line, bool last) {
    (void)last;
    return add_line(context, line, step_columns);
}

static sigmoe_status take_validation(void *context, const json_t *line, bool last) {
    (void)last;
    return add_line(context, line, valid_columns);
}

// ---------------------------------------------------------------- expert load

enum { MOST_SHARES = 1 << 20 };

static sigmoe_status size_load(const json_t *layers, expert_shares *load) {
    int64_t most_experts = 0, count;
    size_t i;
    json_t *layer;
    json_array_foreach((json_t *)layers, i, layer) {
        int64_t experts = (int64_t)json_array_size(json_object_get(layer, "share"));
        if (experts > most_experts) most_experts = experts;
    }
    load->layers = (int64_t)json_array_size(layers);
    load->experts = most_experts;
    if (!size_product(&count, load->layers, load->experts) || count > MOST_SHARES)
        return fail(SIGMOE_BAD_FORMAT, "there are more shares of experts than a model has");
    free(load->share);
    load->share = calloc((size_t)(count > 0 ? count : 1), sizeof *load->share);
    return load->share ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the experts' shares");
}

static sigmoe_status take_load(void *context, const json_t *line, bool last) {
    expert_shares *load = context;
    const json_t *layers = json_object_get(line, "layers");
    int64_t step;
    if (!last) return SIGMOE_OK;
    TRY(json_get_integer(line, "", "step", 0, &step));
    TRY(size_load(layers, load));
    load->step = step;
    for (int64_t l = 0; l < load->layers; l++)
        for (int64_t e = 0; e < load->experts; e++) {
            const json_t *shares = json_object_get(json_array_get(layers, (size_t)l), "share");
            double share = number_of(json_array_get(shares, (size_t)e));
            load->share[l * load->experts + e] = share >= 0 && share <= 1 ? share : 0;
        }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- samples

static sigmoe_status take_text(const json_t *line, const char *key, char **text) {
    const char *read;
    TRY(json_get_text(line, "", key, &read));
    free(*text);
    *text = strdup(read);
    return *text ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for a sample");
}

static sigmoe_status take_sample(void *context, const json_t *line, bool last) {
    run_series *s = context;
    if (!last) return SIGMOE_OK;
    TRY(take_text(line, "prompt", &s->prompt));
    return take_text(line, "text", &s->sample);
}

// ---------------------------------------------------------------- the run

sigmoe_status run_series_open(run_series *s, const char *run) {
    *s = (run_series){
        .steps.columns = STEP_COLUMNS, .validations.columns = VALID_COLUMNS, .load = {.step = -1}};
    TRY(path_format(s->run, "%s", run));
    TRY(path_format(s->metrics.path, "%s/metrics.jsonl", run));
    TRY(path_format(s->valid.path, "%s/valid.jsonl", run));
    TRY(path_format(s->usage.path, "%s/usage.jsonl", run));
    return path_format(s->samples.path, "%s/samples.jsonl", run);
}

static void forget_state(run_series *s) {
    free(s->load.share);
    free(s->prompt);
    free(s->sample);
    s->load = (expert_shares){.step = -1};
    s->prompt = s->sample = NULL;
}

// Until nothing was cut while it was read.
static sigmoe_status read_numbers(series *numbers, log_tail *tail, log_take *take) {
    for (;;) {
        bool cut, fresh = tail->offset == 0;
        sigmoe_status status = log_tail_read(tail, take, numbers, &cut);
        // A log that was cut and has grown again: what seems damaged is read from its beginning.
        bool again = cut || (status == SIGMOE_BAD_FORMAT && !fresh);
        if (!again) return status;
        numbers->count = 0;
        tail->offset = tail->lines = 0;
    }
}

static sigmoe_status read_state(run_series *s, log_tail *tail, log_take *take, void *context) {
    for (;;) {
        bool cut, fresh = tail->offset == 0;
        sigmoe_status status = log_tail_read(tail, take, context, &cut);
        if (!cut && (status != SIGMOE_BAD_FORMAT || fresh)) return status;
        forget_state(s);
        s->usage.offset = s->usage.lines = s->samples.offset = s->samples.lines = 0;
    }
}

sigmoe_status run_series_read(run_series *s, bool with_state) {
    TRY(read_numbers(&s->steps, &s->metrics, take_step));
    TRY(read_numbers(&s->validations, &s->valid, take_validation));
    if (!with_state) return SIGMOE_OK;
    TRY(read_state(s, &s->usage, take_load, &s->load));
    return read_state(s, &s->samples, take_sample, s);
}

void run_series_close(run_series *s) {
    free(s->steps.step);
    free(s->steps.values);
    free(s->validations.step);
    free(s->validations.values);
    forget_state(s);
    *s = (run_series){0};
}
