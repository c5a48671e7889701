#include "paper/published_score.h"

#include "config/config_file.h"
#include "model/match_parameters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void leave_out_solved(const sigmoe_config *config, json_t *object) {
    const option *size = matched_option(config->model.variant);
    json_object_del(object, "vocab_size");
    if (size) json_object_del(json_object_get(object, "ff"), size->name);
}

bool same_model(const model_config *a, const model_config *b) {
    return config_equal(&(sigmoe_config){.model = *a}, &(sigmoe_config){.model = *b}, leave_out_solved);
}

double published_score(
    const char *base_name, const paper_variant *variant, const model_config *model, preset *out) {
    const char *end = base_name ? strstr(base_name, "-moe") : NULL;
    char name[128];
    if (!end || (end[4] != '\0' && strcmp(end, "-moe@code") != 0)) return NAN;
    const char *suffix = strcmp(variant->name, "sigma-moe") == 0 ? "moe" : variant->name;
    int stem = (int)(end - base_name);
    for (const char *form = end + 4;; form = "") {
        snprintf(name, sizeof name, "%.*s-%s%s", stem, base_name, suffix, form);
        if (preset_named(name, out) == SIGMOE_OK && same_model(&out->config, model))
            return out->about.published;
        if (*form == '\0') return NAN;
    }
}
