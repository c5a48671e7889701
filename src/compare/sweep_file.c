// A sweep from a file:
//   {"base": "wt-s-moe", "set": {"d_model": 64, "ff.k": 2}, "rows": ["dense", "topk:k=64", "wt-s-switch"],
//    "seeds": 3, "settings": {"steps": 2000, "batch": 16}, "test_tokens": 100000}
// base and rows are required; a row is a variant, as in compare, or a preset of the same base. A row with fewer seeds than the
// others is an object: {"row": "2k", "seeds": 1}.
#include "compare/sweep_file.h"

#include "compare/sweep_table.h"
#include "compare/variant.h"
#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_print.h"
#include "paper/published_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEEDS = 1000 };

static const char *const sweep_keys[] = {"base", "set", "rows", "seeds", "settings", "test_tokens"};
static const char *const row_keys[] = {"row", "seeds"};

static sigmoe_status check_keys(const json_t *object, const char *const *known, int count) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        bool found = false;
        for (int i = 0; i < count; i++) found |= strcmp(key, known[i]) == 0;
        if (!found)
            return fail(SIGMOE_BAD_FORMAT, "unknown key \"%.80s\"%s", key,
                option_hint("", key, known, count, NULL).text);
    }
    return SIGMOE_OK;
}

// Unchanged if the object has no such member.
static sigmoe_status read_seeds(const json_t *object, const char *path, int *seeds) {
    int64_t given = *seeds;
    if (!json_object_get(object, "seeds")) return SIGMOE_OK;
    TRY(json_get_integer(object, path, "seeds", 1, &given));
    if (given > MOST_SEEDS)
        return fail(SIGMOE_BAD_FORMAT, "\"%sseeds\" must be %d at most", path, MOST_SEEDS);
    *seeds = (int)given;
    return SIGMOE_OK;
}

// Values are as in JSON; strings may also omit their quotes.
static sigmoe_status set_value(sigmoe_config *base, const char *key, const json_t *value) {
    if (json_is_string(value)) return config_set(base, key, json_string_value(value));
    char *text = json_print(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory for the value of %s", key);
    sigmoe_status status = config_set(base, key, text);
    free(text);
    return status;
}

static sigmoe_status read_set(const json_t *root, sweep_plan *out) {
    json_t *set = json_object_get(root, "set"), *value;
    const char *key;
    if (!set) return SIGMOE_OK;
    if (!json_is_object(set)) return fail(SIGMOE_BAD_FORMAT, "\"set\" must be an object");
    json_object_foreach(set, key, value) TRY(set_value(&out->base, key, value));
    return SIGMOE_OK;
}

// Settings that are not given keep the base's values.
static sigmoe_status merge_settings(const json_t *given, json_t *all, sigmoe_train_settings *settings) {
    TRY(json_write_options(all, train_settings_options(), settings));
    if (json_object_update(all, (json_t *)given) != 0)
        return fail(SIGMOE_NO_MEMORY, "no memory for settings");
    return json_read_options(all, "settings.", train_settings_options(), NULL, settings);
}

static sigmoe_status read_settings(const json_t *root, sweep_plan *out) {
    const json_t *given = json_object_get(root, "settings");
    if (!given) return SIGMOE_OK;
    if (!json_is_object(given)) return fail(SIGMOE_BAD_FORMAT, "\"settings\" must be an object");
    json_t *all = json_object();
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for settings");
    sigmoe_status status = merge_settings(given, all, &out->base.settings);
    json_decref(all);
    return status;
}

// The variant of the base that a preset is. Top-K's K is a fraction of the base's channels, so that it follows overrides.
static sigmoe_status row_of_preset(const preset *p, const preset *base, arena *a, const char **text) {
    variant_choice derived;
    int64_t channels = base->config.variant->channels(&base->config.ff);
    TRY(variant_choose(p->variant->name, &base->config, &derived));
    bool same = same_model(&p->config, &derived.model), topk = strcmp(p->variant->name, "topk") == 0;
    if (p->settings.clip != base->settings.clip || !(same || topk))
        return fail(SIGMOE_BAD_FORMAT,
            "the preset %s has other settings than the base, from which a sweep derives its rows, and than "
            "%s; give \"%s\" as the row, or train the preset by itself",
            p->about.name, p->variant->name, p->variant->name);
    *text = same ? arena_text(a, "%s", p->variant->name)
                 : arena_text(a, "topk/%lld", (long long)(channels / p->config.ff.topk.k));
    return *text ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// The paper's score of a variant on the base before the overrides.
static double score_of(const char *text, const char *base_name, const preset *base) {
    variant_choice choice;
    preset unused;
    if (variant_choose(text, &base->config, &choice) != SIGMOE_OK)
        return NAN; // reported when the rows are planned
    return published_score(base_name, choice.paper, &choice.model, &unused);
}

static sigmoe_status add_row(const char *text, int seeds, const preset *base, arena *a, sweep_plan *out) {
    preset p;
    bool is_preset = !paper_variant_named(text) && preset_named(text, &p) == SIGMOE_OK;
    if (is_preset && p.paper != base->paper)
        return fail(SIGMOE_BAD_FORMAT, "the preset %s is not of the base %s", text, out->base_name);
    out->published[out->count] = is_preset ? p.about.published : score_of(text, out->base_name, base);
    out->row_seeds[out->count] = seeds;
    const char **variant = &out->variants[out->count++];
    if (is_preset) return row_of_preset(&p, base, a, variant);
    *variant = arena_text(a, "%s", text);
    return *variant ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// A string, or an object with a string and the row's own seeds.
static sigmoe_status read_row(const json_t *row, const preset *base, arena *a, sweep_plan *out) {
    const char *text = json_string_value(row);
    int seeds = 0;
    if (json_is_object(row)) {
        TRY(check_keys(row, row_keys, sizeof row_keys / sizeof *row_keys));
        TRY(json_get_text(row, "rows.", "row", &text));
        TRY(read_seeds(row, "rows.", &seeds));
        if (seeds > out->seeds)
            return fail(SIGMOE_BAD_FORMAT, "the row %s has %d seeds, more than the sweep's \"seeds\", %d",
                text, seeds, out->seeds);
    }
    if (!text)
        return fail(
            SIGMOE_BAD_FORMAT, "\"rows\" must hold texts, or objects with a \"row\" and its \"seeds\"");
    return add_row(text, seeds, base, a, out);
}

static sigmoe_status read_rows(const json_t *root, arena *a, sweep_plan *out) {
    const json_t *rows = json_object_get(root, "rows");
    size_t count = json_array_size(rows);
    preset base;
    if (count == 0) return fail(SIGMOE_BAD_FORMAT, "\"rows\" must be a list of at least one variant");
    TRY(preset_named(out->base_name, &base));
    TRY(ARENA_NEW(a, out->variants, count));
    TRY(ARENA_NEW(a, out->published, count));
    TRY(ARENA_NEW(a, out->row_seeds, count));
    for (size_t i = 0; i < count; i++) TRY(read_row(json_array_get(rows, i), &base, a, out));
    return SIGMOE_OK;
}

static sigmoe_status read_plan(const json_t *root, arena *a, sweep_plan *out) {
    const char *base;
    out->seeds = 1;
    TRY(check_keys(root, sweep_keys, sizeof sweep_keys / sizeof *sweep_keys));
    TRY(json_get_text(root, "", "base", &base));
    TRY(sweep_base_read(base, a, out));
    TRY(read_seeds(root, "", &out->seeds));
    if (json_object_get(root, "test_tokens"))
        TRY(json_get_integer(root, "", "test_tokens", 0, &out->test_tokens));
    TRY(read_set(root, out));
    TRY(read_settings(root, out));
    return read_rows(root, a, out);
}

sigmoe_status sweep_file_read(const char *path, arena *a, sweep_plan *out) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_plan(root, a, out);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}
