#include "train/expert_load.h"

#include "formats/json_lines.h"
#include "formats/json_objects.h"

#include <inttypes.h>
#include <math.h>

// ---------------------------------------------------------------- writing

// Five decimals: a batch's share is not known more precisely, and the file of a long run stays small.
static double rounded(double share) {
    return round(share * 1e5) * 1e-5;
}

static sigmoe_status put_shares(json_t *layer, const ff_statistics *s, const ff_layer_statistics *l) {
    json_t *shares = json_array();
    double sum = 0;
    int64_t dead = 0;
    TRY(json_put(layer, "share", shares));
    for (int64_t e = 0; e < s->experts; e++) sum += l->weight[e];
    for (int64_t e = 0; e < s->experts; e++) {
        dead += l->chosen[e] == 0;
        if (json_array_append_new(shares, json_real(sum > 0 ? rounded(l->weight[e] / sum) : 0)) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for a line of usage.jsonl");
    }
    return json_put(layer, "dead_experts", json_integer(dead));
}

static sigmoe_status fill_layer(json_t *layer, const ff_statistics *s, const ff_layer_statistics *l) {
    int64_t dead = 0;
    for (int64_t i = 0; i < s->channels; i++) dead += l->fired[i] == 0;
    TRY(json_put(layer, "active", json_real(l->active / (double)l->tokens)));
    TRY(json_put(layer, "dead_channels", json_integer(dead)));
    return s->experts > 0 ? put_shares(layer, s, l) : SIGMOE_OK;
}

static sigmoe_status fill_line(json_t *line, int64_t step, const ff_statistics *s) {
    json_t *layers = json_array();
    TRY(json_put(line, "step", json_integer(step)));
    TRY(json_put(line, "layers", layers));
    for (int64_t i = 0; i < s->layers; i++) {
        json_t *layer = json_object();
        if (json_array_append_new(layers, layer) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for a line of usage.jsonl");
        TRY(fill_layer(layer, s, &s->layer[i]));
    }
    return SIGMOE_OK;
}

sigmoe_status usage_to_json(int64_t step, const ff_statistics *s, json_t **out) {
    json_t *line = json_object();
    sigmoe_status status = fill_line(line, step, s);
    if (status == SIGMOE_OK)
        *out = line;
    else
        json_decref(line);
    return status;
}

// ---------------------------------------------------------------- reading

static sigmoe_status get_number(const json_t *value, const char *what, double high, double *out) {
    *out = json_is_number(value) ? json_number_value(value) : -1;
    if (*out >= 0 && *out <= high) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "\"%s\" must hold numbers of 0 to %g", what, high);
}

static sigmoe_status take_layer(const json_t *layer, int64_t index, usage_history *out) {
    const json_t *shares = json_object_get(layer, "share");
    TRY(get_number(json_object_get(layer, "active"), "active", 1e12, &out->active[index]));
    if ((int64_t)json_array_size(shares) != out->experts)
        return fail(SIGMOE_BAD_FORMAT, "a layer has shares of %zu expert%s, but the model has %" PRId64,
            json_array_size(shares), plural((int64_t)json_array_size(shares)), out->experts);
    for (int64_t e = 0; e < out->experts; e++)
        TRY(get_number(
            json_array_get(shares, (size_t)e), "share", 1.000001, &out->share[index * out->experts + e]));
    return SIGMOE_OK;
}

static sigmoe_status take_line(const json_t *line, usage_history *out) {
    int64_t last = out->records > 0 ? out->step[out->records - 1] : -1;
    const json_t *layers = json_object_get(line, "layers");
    TRY(json_get_integer(line, "", "step", last + 1, &out->step[out->records]));
    if ((int64_t)json_array_size(layers) != out->layers)
        return fail(SIGMOE_BAD_FORMAT, "it has %zu layer%s, but the model has %" PRId64,
            json_array_size(layers), plural((int64_t)json_array_size(layers)), out->layers);
    for (int64_t l = 0; l < out->layers; l++)
        TRY(take_layer(json_array_get(layers, (size_t)l), out->records * out->layers + l, out));
    out->records++;
    return SIGMOE_OK;
}

static sigmoe_status take_lines(json_lines *lines, arena *a, usage_history *out) {
    int64_t count = json_lines_count(lines), rows, shares;
    if (!size_product(&rows, count, out->layers) || !size_product(&shares, rows, out->experts))
        return fail(SIGMOE_NO_MEMORY, "%s is too large", lines->path);
    TRY(ARENA_NEW(a, out->step, count));
    TRY(ARENA_NEW(a, out->active, rows));
    TRY(ARENA_NEW(a, out->share, shares));
    for (json_t *line;;) {
        TRY(json_lines_next(lines, &line));
        if (!line) return SIGMOE_OK;
        sigmoe_status status = take_line(line, out);
        json_decref(line);
        if (status != SIGMOE_OK) return fail_in(status, "%s, line %d", lines->path, lines->number);
    }
}

sigmoe_status usage_history_read(
    const char *run, int64_t layers, int64_t experts, arena *a, usage_history *out) {
    char path[PATH_CAPACITY];
    json_lines lines;
    *out = (usage_history){.layers = layers, .experts = experts};
    TRY(path_format(path, "%s/usage.jsonl", run));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(json_lines_open(path, &lines));
    sigmoe_status status = take_lines(&lines, a, out);
    json_lines_close(&lines);
    return status;
}

double usage_effective_percent(const usage_history *u, int64_t record, int64_t layer) {
    const double *share = usage_shares(u, record, layer);
    double nats = 0;
    for (int64_t e = 0; e < u->experts; e++)
        if (share[e] > 0) nats -= share[e] * log(share[e]);
    return 100 * exp(nats) / (double)u->experts;
}
