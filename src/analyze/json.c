#include "analyze/json.h"

#include "analyze/layer_summary.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"

static sigmoe_status append_object(json_t *list, json_t **out) {
    *out = json_object();
    if (json_array_append_new(list, *out) == 0) return SIGMOE_OK;
    return fail(SIGMOE_NO_MEMORY, "no memory for the summary");
}

static json_t *count_or_null(int64_t count) {
    return count < 0 ? json_null() : json_integer(count);
}

static sigmoe_status put_layer(json_t *layers, const analyzed_model *m, int64_t layer) {
    json_t *object;
    layer_summary s = summarize_layer(m->now, layer);
    TRY(append_object(layers, &object));
    TRY(json_put(object, "layer", json_integer(layer)));
    TRY(json_put(object, "tokens", json_integer(m->now->layer[layer].tokens)));
    TRY(json_put(object, "channels", json_integer(s.channels)));
    TRY(json_put(object, "active_mean", json_finite(s.active)));
    TRY(json_put(object, "active_std", json_finite(s.deviation)));
    TRY(json_put(object, "dead_channels", json_integer(s.dead_channels)));
    TRY(json_put(object, "experts", count_or_null(s.experts)));
    TRY(json_put(object, "dead_experts", count_or_null(s.experts < 0 ? -1 : s.dead_experts)));
    TRY(json_put(object, "usage_entropy_bits", json_finite(s.usage_entropy)));
    TRY(json_put(object, "token_entropy_bits", json_finite(s.token_entropy)));
    return json_put(object, "largest_share", json_finite(s.largest_share));
}

static sigmoe_status put_model(json_t *models, const analyzed_model *m) {
    json_t *object, *layers;
    TRY(append_object(models, &object));
    TRY(json_put(object, "model", json_string(m->label)));
    TRY(json_put(object, "path", json_string(m->path)));
    TRY(json_put(object, "tokens", json_integer(m->scores.tokens)));
    TRY(json_put(object, "nats_per_token", json_finite(m->scores.nats_per_token)));
    TRY(json_put(object, "layers", layers = json_array()));
    for (int64_t l = 0; l < m->now->layers; l++) TRY(put_layer(layers, m, l));
    return SIGMOE_OK;
}

static sigmoe_status fill(json_t *root, const analysis *a) {
    json_t *models;
    TRY(json_put(root, "out", json_string(a->request->out)));
    TRY(json_put(root, "models", models = json_array()));
    for (int i = 0; i < a->count; i++) TRY(put_model(models, &a->models[i]));
    return SIGMOE_OK;
}

sigmoe_status analysis_json(const analysis *a, char **out) {
    json_t *root = json_object();
    TRY(json_hand_out(fill(root, a), root, &root));
    *out = json_text(root);
    json_decref(root);
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the summary");
}
