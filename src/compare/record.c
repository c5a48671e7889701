#include "compare/record.h"

#include "config/train_settings.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"

#include <stdlib.h>

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
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", p->data.directory));
    TRY(json_read_object(path, &meta));
    json_t *splits = json_deep_copy(json_object_get(meta, "splits"));
    json_decref(meta);
    json_t *data = json_object();
    TRY(json_put(root, "data", data));
    return json_put(data, "splits", splits ? splits : json_object());
}

static sigmoe_status fill_record(const comparison_plan *p, json_t *root) {
    json_t *base;
    TRY(config_to_json(&p->base, &base));
    TRY(json_put(root, "base", base));
    TRY(record_variants(p, root));
    TRY(json_put(root, "seeds", json_integer(p->seed_count)));
    TRY(json_put(root, "test_tokens", json_integer(p->request->test_tokens)));
    TRY(record_settings(p, root));
    return record_data(p, root);
}

sigmoe_status plan_record(const comparison_plan *p, json_t **out) {
    json_t *root = json_object();
    return json_hand_out(fill_record(p, root), root, out);
}

enum { VALUE_SIZE = 80, KEY_SIZE = 256 };

static void print_value(const json_t *value, char text[VALUE_SIZE]) {
    char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    snprintf(text, VALUE_SIZE, "%s", dumped ? dumped : "missing");
    free(dumped);
}

static sigmoe_status same_value(const char *out, const char *path, json_t *before, json_t *now) {
    char key[KEY_SIZE], was[VALUE_SIZE], is[VALUE_SIZE];
    const char *name;
    json_t *value;
    if (!json_is_object(before) || !json_is_object(now)) {
        if (json_equal(before, now)) return SIGMOE_OK;
        print_value(before, was);
        print_value(now, is);
        return fail(SIGMOE_BAD_ARGUMENT,
            "the comparison in %s was begun with %s %s, not %s; give the former to go on, or choose another "
            "place",
            out, path, was, is);
    }
    json_object_foreach(now, name, value) {
        snprintf(key, sizeof key, "%s%s%s", path, *path ? "." : "", name);
        TRY(same_value(out, key, json_object_get(before, name), value));
    }
    return SIGMOE_OK;
}

sigmoe_status plan_check_same(const char *out, const json_t *before, const json_t *now) {
    return same_value(out, "", (json_t *)before, (json_t *)now);
}
