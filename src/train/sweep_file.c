// A sweep from a file:
//   {"base": "wt-s-moe", "set": {"d_model": 64, "ff.k": 2}, "rows": ["dense", "topk:k=64", "wt-s-switch"],
//    "seeds": 3, "settings": {"steps": 2000, "batch": 16}}
// base and rows are required; a row is a variant as compare takes it, or a preset of the same base.
#include "formats/json_options.h"
#include "model/presets.h"
#include "train/json_objects.h"
#include "train/sweep_plan.h"
#include "train/train_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sigmoe_status check_keys(const json_t *root) {
    static const char *const known[] = {"base", "set", "rows", "seeds", "settings"};
    enum { KNOWN = sizeof known / sizeof *known };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value) {
        bool found = false;
        for (int i = 0; i < KNOWN; i++) found |= strcmp(key, known[i]) == 0;
        if (!found)
            return fail(SIGMOE_BAD_FORMAT, "unknown key \"%.80s\"; did you mean \"%s\"?", key,
                sigmoe_nearest(key, known, KNOWN));
    }
    return SIGMOE_OK;
}

// Values stand as JSON would write them; a text also without its quotes.
static sigmoe_status set_value(sigmoe_config *base, const char *key, const json_t *value) {
    if (json_is_string(value)) return config_set(base, key, json_string_value(value));
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
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

// What is not given stays the base's.
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

static sigmoe_status add_row(const char *text, int paper, arena *a, sweep_plan *out) {
    preset p;
    const comparison_row *row = comparison_row_named(text);
    double published = row && paper >= 0 && row->published[paper] > 0 ? row->published[paper] : NAN;
    if (!row && preset_named(text, &p) == SIGMOE_OK) {
        if (p.paper != paper)
            return fail(SIGMOE_BAD_FORMAT, "the preset %s is not of the base %s", text, out->base_name);
        published = p.about.published;
        text = p.row->name;
    }
    out->published[out->count] = published;
    out->variants[out->count] = arena_text(a, "%s", text);
    return out->variants[out->count++] ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status read_rows(const json_t *root, int paper, arena *a, sweep_plan *out) {
    const json_t *rows = json_object_get(root, "rows");
    size_t count = json_array_size(rows);
    if (count == 0) return fail(SIGMOE_BAD_FORMAT, "\"rows\" must be a list of at least one variant");
    TRY(ARENA_NEW(a, out->variants, count));
    TRY(ARENA_NEW(a, out->published, count));
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(rows, i));
        if (!text) return fail(SIGMOE_BAD_FORMAT, "\"rows\" must hold texts only");
        TRY(add_row(text, paper, a, out));
    }
    return SIGMOE_OK;
}

static sigmoe_status read_plan(const json_t *root, arena *a, sweep_plan *out) {
    enum { MOST_SEEDS = 1000 };
    const char *base;
    int64_t seeds = 1;
    int paper;
    TRY(check_keys(root));
    TRY(json_get_text(root, "", "base", &base));
    TRY(sweep_base_read(base, a, out, &paper));
    if (json_object_get(root, "seeds")) TRY(json_get_integer(root, "", "seeds", 1, &seeds));
    if (seeds > MOST_SEEDS) return fail(SIGMOE_BAD_FORMAT, "\"seeds\" must be %d at most", MOST_SEEDS);
    out->seeds = (int)seeds;
    TRY(read_set(root, out));
    TRY(read_settings(root, out));
    return read_rows(root, paper, a, out);
}

sigmoe_status sweep_file_read(const char *path, arena *a, sweep_plan *out) {
    json_t *root;
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_plan(root, a, out);
    json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}
