#include "train/published_score.h"

#include "train/config_file.h"
#include "train/json_objects.h"
#include "train/match_parameters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static sigmoe_status model_identity(const model_config *model, json_t **out) {
    sigmoe_config bare = {.model = *model};
    TRY(config_to_json(&bare, out));
    json_object_del(*out, "vocab_size");
    const option *size = matched_option(model->variant);
    if (size) json_object_del(json_object_get(*out, "ff"), size->name);
    return SIGMOE_OK;
}

bool same_model(const model_config *a, const model_config *b) {
    json_t *first = NULL, *second = NULL;
    bool same = model_identity(a, &first) == SIGMOE_OK && model_identity(b, &second) == SIGMOE_OK &&
                json_equal(first, second);
    json_decref(first);
    json_decref(second);
    return same;
}

double published_score(
    const char *base_name, const comparison_row *row, const model_config *model, preset *out) {
    const char *end = base_name ? strstr(base_name, "-moe") : NULL;
    char name[128];
    if (!end || (end[4] != '\0' && strcmp(end, "-moe@code") != 0)) return NAN;
    const char *suffix = strcmp(row->name, "sigma-moe") == 0 ? "moe" : row->name;
    int stem = (int)(end - base_name);
    for (const char *form = end + 4;; form = "") {
        snprintf(name, sizeof name, "%.*s-%s%s", stem, base_name, suffix, form);
        if (preset_named(name, out) == SIGMOE_OK && same_model(&out->config, model))
            return out->about.published;
        if (*form == '\0') return NAN;
    }
}
