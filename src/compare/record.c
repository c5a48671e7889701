#include "compare/record.h"

#include "config/config_file.h"
#include "config/train_settings.h"
#include "data/dataset_identity.h"
#include "formats/json_difference.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"

#include <string.h>

enum { MOST_RECORDED_SEEDS = 1000 };

static sigmoe_status record_variants(const comparison_plan *p, json_t *root) {
    json_t *labels = json_array(), *seeds = json_array();
    TRY(json_put(root, "variants", labels));
    TRY(json_put(root, "variant_seeds", seeds));
    for (int i = 0; i < p->variant_count; i++)
        if (json_array_append_new(labels, json_string(p->variants[i].label)) != 0 ||
            json_array_append_new(seeds, json_integer(p->variants[i].seeds)) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for the list of variants");
    return SIGMOE_OK;
}

static sigmoe_status record_settings(const comparison_plan *p, json_t *root) {
    json_t *settings = json_object();
    TRY(json_put(root, "settings", settings));
    return json_write_options(settings, train_settings_options(), &p->request->settings);
}

static sigmoe_status record_data(const comparison_plan *p, json_t *root) {
    json_t *data = json_object(), *splits;
    TRY(json_put(root, "data", data));
    TRY(json_put(data, "directory", json_resolved_path(p->data.directory)));
    TRY(dataset_identity(&p->data, &splits));
    return json_put(data, "splits", splits);
}

static sigmoe_status record_grid(const comparison_plan *p, json_t *root) {
    json_t *rates = json_array();
    TRY(json_put(root, "lr_grid", rates));
    for (int i = 0; i < p->request->lr_count; i++)
        if (json_array_append_new(rates, json_real(p->request->lr_grid[i])) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for the learning rates");
    return SIGMOE_OK;
}

static const char usual_policy[] = "stop";

static sigmoe_status fill_record(const comparison_plan *p, const json_t *looks, json_t *root) {
    const sigmoe_compare_request *r = p->request;
    json_t *base;
    TRY(config_to_json(&p->base, &base));
    TRY(json_put(root, "base", base));
    TRY(record_variants(p, root));
    TRY(json_put(root, "seeds", json_integer(p->seed_count)));
    TRY(json_put(root, "test_tokens", json_integer(r->test_tokens)));
    TRY(record_settings(p, root));
    TRY(record_data(p, root));
    TRY(json_put(root, "base_name", json_string(r->base_name ? r->base_name : "")));
    TRY(json_put(root, "checkpoint_seconds", json_finite(r->checkpoint_seconds)));
    TRY(json_put(root, "margin", json_finite(r->margin)));
    TRY(json_put(root, "on_nonfinite", json_string(r->on_nonfinite ? r->on_nonfinite : usual_policy)));
    TRY(json_put(root, "sample_prompt", p->sample_prompt ? json_string(p->sample_prompt) : json_null()));
    TRY(record_grid(p, root));
    TRY(json_put(root, "max_seeds", json_integer(r->until_decided ? r->max_seeds : 0)));
    TRY(json_put(root, "sequential", json_boolean(p->sequential)));
    return json_put(root, "looks", looks ? json_whole_copy(looks) : json_array());
}

sigmoe_status plan_record(const comparison_plan *p, const json_t *looks, json_t **out) {
    json_t *root = json_object();
    return json_hand_out(fill_record(p, looks, root), root, out);
}

// ---------------------------------------------------------------- what may change

bool record_steps_differ(const json_t *before, const json_t *now) {
    const json_t *was = json_object_get(json_object_get(before, "settings"), "steps"),
                 *is = json_object_get(json_object_get(now, "settings"), "steps");
    return !json_equal((json_t *)was, (json_t *)is);
}

// Records of before a setting existed lack it: it had its default.
static sigmoe_status add_defaults(json_t *settings) {
    const sigmoe_train_settings usual = train_settings_default();
    json_t *all = json_object();
    sigmoe_status status = json_write_options(all, train_settings_options(), &usual);
    if (status == SIGMOE_OK && settings && json_object_update_missing(settings, all) != 0)
        status = fail(SIGMOE_NO_MEMORY, "no memory for the settings");
    json_decref(all);
    return status;
}

// Everything that decides what the runs are; with another number of steps all are trained anew, and whatever is derived from
// that number may change, too.
static sigmoe_status unchangeable(const json_t *record, bool new_steps, json_t **out) {
    static const char *const free_to_change[] = {"variants", "variant_seeds", "seeds", "base_name", "margin",
        "max_seeds", "sequential", "looks", "checkpoint_seconds", "sample_prompt"};
    static const char *const by_steps[] = {
        "steps", "valid_every", "valid_tokens", "checkpoint_every", "warmup"};
    json_t *copy = json_whole_copy(record);
    if (!copy) return fail(SIGMOE_NO_MEMORY, "no memory for the comparison's record");
    for (size_t i = 0; i < sizeof free_to_change / sizeof *free_to_change; i++)
        json_object_del(copy, free_to_change[i]);
    json_object_del(json_object_get(copy, "data"), "directory");
    sigmoe_status status = add_defaults(json_object_get(copy, "settings"));
    if (json_array_size(json_object_get(copy, "lr_grid")) == 0) json_object_del(copy, "lr_grid");
    if (status == SIGMOE_OK && !json_object_get(copy, "on_nonfinite")) // as older versions wrote it
        status = json_put(copy, "on_nonfinite", json_string(usual_policy));
    if (new_steps) {
        json_object_del(copy, "test_tokens");
        for (size_t i = 0; i < sizeof by_steps / sizeof *by_steps; i++)
            json_object_del(json_object_get(copy, "settings"), by_steps[i]);
    }
    return json_hand_out(status, copy, out);
}

static sigmoe_status check_equal(const char *out, const json_t *before, const json_t *now) {
    json_difference d;
    if (!json_find_difference(before, now, &d) && !json_find_difference(now, before, &d)) return SIGMOE_OK;
    json_find_difference(before, now, &d);
    return fail(SIGMOE_BAD_ARGUMENT,
        "the comparison in %s was begun with %s %s, not %s; give the former to go on, or choose another "
        "place",
        out, d.key, d.before, d.now);
}

static bool has_text(const json_t *array, const char *text) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)array, i,
        item) if (json_is_string(item) && strcmp(json_string_value(item), text) == 0) return true;
    return false;
}

static sigmoe_status check_rows_kept(const char *out, const json_t *before, const json_t *now) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(before, "variants"), i, item) {
        if (!json_is_string(item) || has_text(json_object_get(now, "variants"), json_string_value(item)))
            continue;
        return fail(SIGMOE_BAD_ARGUMENT,
            "the comparison in %s has the row %s, too: rows can be added, not left out", out,
            json_string_value(item));
    }
    json_int_t were = json_integer_value(json_object_get(before, "seeds")),
               are = json_integer_value(json_object_get(now, "seeds"));
    if (are < were)
        return fail(SIGMOE_BAD_ARGUMENT, "the comparison in %s has %lld seeds: `seeds` can be more, not %lld",
            out, (long long)were, (long long)are);
    return SIGMOE_OK;
}

static json_t *splits_of(const json_t *record) {
    return json_object_get(json_object_get(record, "data"), "splits");
}

sigmoe_status plan_check_same(const char *out, const json_t *before, const json_t *now) {
    json_t *own, *given;
    bool new_steps = record_steps_differ(before, now);
    TRY(check_rows_kept(out, before, now));
    TRY(unchangeable(before, new_steps, &own));
    sigmoe_status status = unchangeable(now, new_steps, &given);
    if (status == SIGMOE_OK) {
        dataset_identity_match(splits_of(given), splits_of(own));
        status = check_equal(out, own, given);
        json_decref(given);
    }
    json_decref(own);
    return status;
}

// ---------------------------------------------------------------- reading it back

static bool is_given(const sigmoe_compare_request *r, const char *name) {
    if (!r->given) return true;
    for (int i = 0; i < r->given_count; i++)
        if (r->given[i] && strcmp(r->given[i], name) == 0) return true;
    return false;
}

static sigmoe_status read_policy(const json_t *root, arena *a, sigmoe_compare_request *out) {
    const char *own = json_string_value(json_object_get(root, "on_nonfinite"));
    if (out->on_nonfinite || !own) return SIGMOE_OK;
    out->on_nonfinite = arena_text(a, "%s", own);
    return out->on_nonfinite ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status read_settings(
    const json_t *root, const sigmoe_compare_request *asked, sigmoe_compare_request *out) {
    const option_table table = train_settings_options();
    json_t *object;
    int64_t test_tokens;
    const json_t *margin = json_object_get(root, "margin"),
                 *seconds = json_object_get(root, "checkpoint_seconds");
    if (!asked->given) return SIGMOE_OK;
    TRY(json_get_object(root, "", "settings", &object));
    TRY(json_read_options(object, "settings.", table, NULL, &out->settings));
    for (int i = 0; i < asked->given_count; i++)
        train_settings_take(&out->settings, &asked->settings, asked->given[i]);
    TRY(json_get_integer(root, "", "test_tokens", 0, &test_tokens));
    if (!is_given(asked, "test_tokens")) out->test_tokens = test_tokens;
    if (!is_given(asked, "margin") && json_is_number(margin)) out->margin = json_number_value(margin);
    if (!is_given(asked, "checkpoint_seconds") && json_is_number(seconds))
        out->checkpoint_seconds = json_number_value(seconds);
    return SIGMOE_OK;
}

static sigmoe_status read_base(const json_t *root, arena *a, sigmoe_compare_request *out) {
    json_t *object;
    sigmoe_config *base;
    const json_t *name = json_object_get(root, "base_name");
    if (out->base) return SIGMOE_OK;
    TRY(ARENA_NEW(a, base, 1));
    TRY(json_get_object(root, "", "base", &object));
    TRY(config_from_json(object, base));
    out->base = base;
    out->base_name = json_is_string(name) ? arena_text(a, "%s", json_string_value(name)) : "";
    return out->base_name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status read_data(const json_t *root, const char *path, arena *a, sigmoe_compare_request *out) {
    const json_t *directory = json_object_get(json_object_get(root, "data"), "directory");
    if (out->data) return SIGMOE_OK;
    if (!json_is_string(directory))
        return fail(SIGMOE_BAD_ARGUMENT, "%s does not say where the data are: give `data`", path);
    out->data = arena_text(a, "%s", json_string_value(directory));
    return out->data ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// Texts of a list, with room for `more` behind them.
static sigmoe_status read_texts(const json_t *list, int more, arena *a, const char ***out, int *count) {
    *count = (int)json_array_size(list);
    TRY(ARENA_NEW(a, *out, *count + more));
    for (int i = 0; i < *count; i++) {
        const json_t *text = json_array_get(list, (size_t)i);
        if (!json_is_string(text)) return fail(SIGMOE_BAD_FORMAT, "\"variants\" must be a list of texts");
        (*out)[i] = arena_text(a, "%s", json_string_value(text));
        if (!(*out)[i]) return SIGMOE_NO_MEMORY;
    }
    return SIGMOE_OK;
}

// The comparison's variants, then those that are added.
static sigmoe_status read_variants(
    const json_t *root, const sigmoe_compare_request *asked, arena *a, sigmoe_compare_request *out) {
    int own, added = asked->add_variants ? asked->variant_count : 0;
    const char **all;
    if (asked->variants && !asked->add_variants) return SIGMOE_OK;
    TRY(read_texts(json_object_get(root, "variants"), added, a, &all, &own));
    for (int i = 0; i < added; i++) all[own + i] = asked->variants[i];
    out->variants = all;
    out->variant_count = own + added;
    return SIGMOE_OK;
}

sigmoe_status record_variants_read(const char *out, arena *a, const char *const **variants, int *count) {
    char path[PATH_CAPACITY];
    const char **texts;
    json_t *root;
    *count = 0;
    *variants = NULL;
    TRY(path_format(path, "%s/compare.json", out));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(json_read_object(path, &root));
    sigmoe_status status = read_texts(json_object_get(root, "variants"), 0, a, &texts, count);
    json_decref(root);
    *variants = texts;
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

static sigmoe_status read_grid(const json_t *root, arena *a, sigmoe_compare_request *out) {
    const json_t *rates = json_object_get(root, "lr_grid");
    double *grid;
    if (out->lr_count > 0 || !json_is_array(rates)) return SIGMOE_OK;
    out->lr_count = (int)json_array_size(rates);
    TRY(ARENA_NEW(a, grid, out->lr_count));
    for (int i = 0; i < out->lr_count; i++) grid[i] = json_number_value(json_array_get(rates, (size_t)i));
    out->lr_grid = grid;
    return SIGMOE_OK;
}

// A comparison of before there were samples has none.
static sigmoe_status read_sample_prompt(
    const json_t *root, const sigmoe_compare_request *asked, arena *a, sigmoe_compare_request *out) {
    const json_t *own = json_object_get(root, "sample_prompt");
    if (out->sample_prompt && is_given(asked, "sample_prompt")) return SIGMOE_OK;
    out->sample_prompt = NULL;
    if (!json_is_string(own)) return SIGMOE_OK;
    out->sample_prompt = arena_text(a, "%s", json_string_value(own));
    return out->sample_prompt ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// A comparison that goes on until it is decided still does.
static void read_limit(const json_t *root, sigmoe_compare_request *out) {
    json_int_t most = json_integer_value(json_object_get(root, "max_seeds"));
    if (out->until_decided || most < 1 || most > MOST_RECORDED_SEEDS) return;
    out->until_decided = true;
    out->max_seeds = (int)most;
}

static sigmoe_status complete(const json_t *root, const char *path, const sigmoe_compare_request *asked,
    arena *a, sigmoe_compare_request *out) {
    int64_t seeds;
    TRY(read_policy(root, a, out));
    TRY(read_settings(root, asked, out));
    TRY(read_base(root, a, out));
    TRY(read_data(root, path, a, out));
    TRY(read_variants(root, asked, a, out));
    TRY(read_grid(root, a, out));
    TRY(read_sample_prompt(root, asked, a, out));
    read_limit(root, out);
    TRY(json_get_integer(root, "", "seeds", 1, &seeds));
    if (out->seeds == 0) out->seeds = seeds < MOST_RECORDED_SEEDS ? (int)seeds : MOST_RECORDED_SEEDS;
    return SIGMOE_OK;
}

sigmoe_status record_complete(const sigmoe_compare_request *asked, arena *a, sigmoe_compare_request *out) {
    char path[PATH_CAPACITY];
    json_t *root;
    *out = *asked;
    TRY(path_format(path, "%s/compare.json", asked->out));
    if (!asked->resume) return SIGMOE_OK;
    if (!path_exists(path)) {
        if (out->seeds == 0) out->seeds = DEFAULT_SEEDS;
        return SIGMOE_OK;
    }
    TRY(json_read_object(path, &root));
    sigmoe_status status = complete(root, path, asked, a, out);
    json_decref(root);
    return status == SIGMOE_OK || status == SIGMOE_BAD_ARGUMENT ? status : fail_in(status, "%s", path);
}
