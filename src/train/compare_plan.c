#include "train/compare_plan.h"

#include "data/batch_stream.h"
#include "formats/file.h"
#include "formats/json_options.h"
#include "train/evaluate.h"
#include "train/json_objects.h"
#include "train/published_score.h"
#include "train/sweep_plan.h"
#include "train/train_settings.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LABEL = 200 }; // labels become names of directories

// ---------------------------------------------------------------- the base and the data

static sigmoe_status adopt_data(comparison *c) {
    TRY(dataset_open(c->request->data, &c->data));
    c->base = config_copy(c->request->base);
    c->base.tokenizer = c->data.tokenizer;
    c->base.vocabulary_from_data = true;
    TRY(config_adopt_data(&c->base, &c->data));
    c->bits = c->data.tokenizer.type == TOKENIZER_BYTES;
    return SIGMOE_OK;
}

static sigmoe_status check_settings(const comparison *c) {
    const sigmoe_compare_request *r = c->request;
    sigmoe_train_settings last = r->settings;
    last.seed = comparison_seed(c, c->seed_count - 1);
    TRY(train_settings_check(&r->settings));
    TRY(train_settings_check(&last));
    TRY(checkpoint_seconds_check(r->checkpoint_seconds));
    int64_t unroll = c->base.model.unroll;
    TRY(batch_stream_check(&c->data, "train", last.batch, unroll, false, 0));
    TRY(scoring_check(&c->data, "valid", "valid_tokens", r->settings.valid_tokens));
    TRY(scoring_check(&c->data, "valid", "test_tokens", r->test_tokens));
    return scoring_check(&c->data, "test", "test_tokens", r->test_tokens);
}

// ---------------------------------------------------------------- the variants

// Rows of a sweep may have fewer seeds than the sweep, never more.
static int own_seeds(const comparison *c, int index) {
    int own = c->sweep ? c->sweep->row_seeds[index] : 0;
    return own > 0 && own < c->seed_count ? own : c->seed_count;
}

// The paper's, where ours has the same unit.
static double own_score(const comparison *c, const compared_variant *v) {
    preset p;
    double score = published_score(c->request->base_name, v->row, &v->config.model, &p);
    return isnan(score) || c->bits != (strcmp(p.about.data, "enwik8") == 0) ? NAN : score;
}

static sigmoe_status plan_variant(comparison *c, int index, compared_variant *out) {
    const char *text = c->request->variants[index];
    variant_choice choice;
    if (!text) return fail(SIGMOE_BAD_ARGUMENT, "a variant's name is missing");
    if (strlen(text) > LONGEST_LABEL)
        return fail(SIGMOE_BAD_ARGUMENT, "the variant %.40s... is longer than %d bytes", text, LONGEST_LABEL);
    TRY(variant_choose(text, &c->base.model, &choice));
    *out = (compared_variant){.label = arena_text(c->arena, "%s", text),
        .row = choice.row,
        .config = config_copy(&c->base),
        .flops_share = comparison_flops_share(&c->base.model, &choice.model)};
    if (!out->label) return SIGMOE_NO_MEMORY;
    out->config.model = choice.model;
    out->seeds = own_seeds(c, index);
    out->published = c->sweep ? c->sweep->published[index] : own_score(c, out);
    return model_parameter_count(&choice.model, &out->parameters);
}

// The first of the variants before `index` that is the same model; NULL: none.
static compared_variant *twin_before(const comparison *c, int index) {
    compared_variant *b = &c->variants[index];
    for (compared_variant *a = c->variants; a < b; a++)
        if (same_model(&a->config.model, &b->config.model) && a->parameters == b->parameters) return a;
    return NULL;
}

static sigmoe_status refuse_duplicates(const comparison *c) {
    for (int i = 0; i < c->variant_count; i++) {
        const compared_variant *twin = twin_before(c, i);
        if (twin && twin->row == c->variants[i].row)
            return fail(SIGMOE_BAD_ARGUMENT, "the variants %s and %s are the same; name each once",
                twin->label, c->variants[i].label);
    }
    return SIGMOE_OK;
}

// Overrides can make rows of a table equal: without dropout, Switch with and without it.
static void leave_out_duplicates(comparison *c) {
    for (int i = 0; i < c->variant_count;) {
        char line[2 * LONGEST_LABEL + 64];
        compared_variant *twin = twin_before(c, i);
        if (!twin) {
            i++;
            continue;
        }
        snprintf(line, sizeof line, "%s is the same model as %s here: left out", c->variants[i].label,
            twin->label);
        if (c->observer && c->observer->note) c->observer->note(c->observer->context, line);
        if (c->variants[i].seeds > twin->seeds) twin->seeds = c->variants[i].seeds;
        c->variant_count--;
        memmove(&c->variants[i], &c->variants[i + 1], (size_t)(c->variant_count - i) * sizeof *c->variants);
    }
}

static sigmoe_status plan_runs(comparison *c) {
    int64_t most;
    if (!size_product(&most, c->variant_count, c->seed_count) || most > INT_MAX)
        return fail(SIGMOE_BAD_ARGUMENT, "too many runs");
    TRY(ARENA_NEW(c->arena, c->runs, most));
    c->run_count = 0; // a comparison can be planned again
    for (int seed = 0; seed < c->seed_count; seed++)
        for (int variant = 0; variant < c->variant_count; variant++)
            if (seed < c->variants[variant].seeds) c->runs[c->run_count++] = (planned_run){variant, seed};
    TRY(ARENA_NEW(c->arena, c->results, most));
    return ARENA_NEW(c->arena, c->curves, most);
}

sigmoe_status comparison_plan(comparison *c) {
    const sigmoe_compare_request *r = c->request;
    if (r->variant_count < 1) return fail(SIGMOE_BAD_ARGUMENT, "a comparison needs at least one variant");
    if (r->seeds < 1) return fail(SIGMOE_BAD_ARGUMENT, "seeds is %d; it must be 1 or more", r->seeds);
    if (r->test_tokens < 0) return fail(SIGMOE_BAD_ARGUMENT, "test_tokens must be 0 (all) or more");
    c->variant_count = r->variant_count;
    c->seed_count = r->seeds;
    TRY(adopt_data(c));
    TRY(model_parameter_count(&c->base.model, &c->base_parameters));
    TRY(ARENA_NEW(c->arena, c->variants, c->variant_count));
    for (int i = 0; i < c->variant_count; i++) TRY(plan_variant(c, i, &c->variants[i]));
    if (c->sweep)
        leave_out_duplicates(c);
    else
        TRY(refuse_duplicates(c));
    TRY(check_settings(c));
    return plan_runs(c);
}

// ---------------------------------------------------------------- what a resume must repeat

static sigmoe_status record_variants(const comparison *c, json_t *root) {
    json_t *labels = json_array(), *seeds = json_array();
    TRY(json_put(root, "variants", labels));
    TRY(json_put(root, "variant_seeds", seeds));
    for (int i = 0; i < c->variant_count; i++)
        if (json_array_append_new(labels, json_string(c->variants[i].label)) != 0 ||
            json_array_append_new(seeds, json_integer(c->variants[i].seeds)) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for the list of variants");
    return SIGMOE_OK;
}

static sigmoe_status record_settings(const comparison *c, json_t *root) {
    json_t *settings = json_object();
    TRY(json_put(root, "settings", settings));
    return json_write_options(settings, train_settings_options(), &c->request->settings);
}

static sigmoe_status record_data(const comparison *c, json_t *root) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", c->data.directory));
    TRY(json_read_object(path, &meta));
    json_t *splits = json_deep_copy(json_object_get(meta, "splits"));
    json_decref(meta);
    json_t *data = json_object();
    TRY(json_put(root, "data", data));
    return json_put(data, "splits", splits ? splits : json_object());
}

static sigmoe_status fill_record(const comparison *c, json_t *root) {
    json_t *base;
    TRY(config_to_json(&c->base, &base));
    TRY(json_put(root, "base", base));
    TRY(record_variants(c, root));
    TRY(json_put(root, "seeds", json_integer(c->seed_count)));
    TRY(json_put(root, "test_tokens", json_integer(c->request->test_tokens)));
    TRY(record_settings(c, root));
    return record_data(c, root);
}

sigmoe_status comparison_record(const comparison *c, json_t **out) {
    json_t *root = json_object();
    sigmoe_status status = fill_record(c, root);
    if (status == SIGMOE_OK)
        *out = root;
    else
        json_decref(root);
    return status;
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

sigmoe_status comparison_same(const char *out, const json_t *before, const json_t *now) {
    return same_value(out, "", (json_t *)before, (json_t *)now);
}

// ---------------------------------------------------------------- access

bool comparison_is_uneven(const comparison *c) {
    return c->run_count < c->variant_count * c->seed_count;
}

uint64_t comparison_seed(const comparison *c, int seed) {
    return c->request->settings.seed + (uint64_t)seed;
}

sigmoe_status comparison_run_path(const comparison *c, int variant, int seed, char path[]) {
    char label[LONGEST_LABEL + 1];
    snprintf(label, sizeof label, "%s", c->variants[variant].label);
    for (char *p = label; *p; p++)
        if (*p == ':') *p = ',';
    if (c->sweep && c->seed_count == 1) return path_format(path, "%s/runs/%s", c->request->out, label);
    return path_format(path, "%s/runs/%s-seed%" PRIu64, c->request->out, label, comparison_seed(c, seed));
}

const run_result *comparison_result(const comparison *c, int variant, int seed) {
    return &c->results[variant * c->seed_count + seed];
}

const run_curve *comparison_curve(const comparison *c, int variant, int seed) {
    return &c->curves[variant * c->seed_count + seed];
}

const char *comparison_unit(const comparison *c) {
    return c->bits ? "bits/char" : "perplexity";
}

// Data whose characters were not counted: a token is a byte.
static double first_known(double wanted, double otherwise) {
    return isnan(wanted) ? otherwise : wanted;
}

double comparison_score(const comparison *c, const sigmoe_scores *s) {
    return c->bits ? first_known(s->bits_per_char, s->bits_per_token) : s->perplexity;
}

double comparison_point_score(const comparison *c, const validation_point *p) {
    return c->bits ? first_known(p->bits_per_char, p->bits_per_token) : p->perplexity;
}
