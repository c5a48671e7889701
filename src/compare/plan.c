#include "compare/plan.h"

#include "base/progress.h"
#include "config/train_settings.h"
#include "data/batch_stream.h"
#include "model/size.h"
#include "paper/published_score.h"
#include "train/evaluate.h"
#include "train/not_finite.h"
#include "train/sample.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum { LONGEST_LABEL = 200, MOST_RATES = 16 }; // labels become directory names

// ---------------------------------------------------------------- the base and the data

static sigmoe_status adopt_data(comparison_plan *p) {
    TRY(dataset_open(p->request->data, &p->data));
    p->base = config_copy(p->request->base);
    p->base.tokenizer = p->data.tokenizer;
    p->base.vocabulary_from_data = true;
    TRY(config_adopt_data(&p->base, &p->data));
    p->bits = p->data.tokenizer.type == TOKENIZER_BYTES;
    return SIGMOE_OK;
}

static sigmoe_status check_grid(const sigmoe_compare_request *r) {
    if (r->lr_count < 0 || r->lr_count > MOST_RATES)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`lr_grid` has %d learning rates; it may have %d", r->lr_count, MOST_RATES);
    for (int i = 0; i < r->lr_count; i++) {
        sigmoe_train_settings settings = r->settings;
        settings.lr = r->lr_grid[i];
        TRY(train_settings_check(&settings));
        if (!(r->lr_grid[i] > 0))
            return fail(SIGMOE_BAD_ARGUMENT, "`lr_grid` has the learning rate %g; each must be above 0",
                r->lr_grid[i]);
        for (int j = 0; j < i; j++)
            if (r->lr_grid[j] == r->lr_grid[i])
                return fail(SIGMOE_BAD_ARGUMENT, "`lr_grid` has the learning rate %g twice", r->lr_grid[i]);
    }
    return SIGMOE_OK;
}

static sigmoe_status check_settings(const comparison_plan *p) {
    const sigmoe_compare_request *r = p->request;
    TRY(check_grid(r));
    if (!(r->margin >= 0 && r->margin < 1))
        return fail(SIGMOE_BAD_ARGUMENT,
            "`margin` is %g; it is a fraction of the score, 0 or more and less than 1", r->margin);
    sigmoe_train_settings last = r->settings;
    last.seed = plan_seed(p, p->seed_count - 1);
    TRY(train_settings_check(&r->settings));
    TRY(train_settings_check(&last));
    TRY(checkpoint_seconds_check(r->checkpoint_seconds));
    TRY(not_finite_policy_read(r->on_nonfinite, &(not_finite_policy){0}));
    int64_t unroll = p->base.model.unroll;
    TRY(batch_stream_check(&p->data, "train", last.batch, unroll, false, 0));
    TRY(scoring_check(&p->data, "valid", "valid_tokens", r->settings.valid_tokens));
    TRY(scoring_check(&p->data, "valid", "test_tokens", r->test_tokens));
    return scoring_check(&p->data, "test", "test_tokens", r->test_tokens);
}

// All variants have the data's tokenizer. The default prompt is not worth a failure.
static sigmoe_status check_samples(comparison_plan *p, const sigmoe_observer *observer) {
    sampler *s;
    const char *prompt = p->request->sample_prompt;
    if (!prompt) return SIGMOE_OK;
    sigmoe_status status = sampler_open(&p->base, prompt, &s);
    if (status == SIGMOE_OK) {
        sampler_close(s);
        p->sample_prompt = prompt;
        return SIGMOE_OK;
    }
    if (status == SIGMOE_NO_MEMORY || strcmp(prompt, SIGMOE_SAMPLE_PROMPT) != 0) return status;
    progress_note(observer, "no samples in the report: %s", sigmoe_message());
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the variants

// Rows of a sweep may have fewer seeds than the sweep, but not more.
static int own_seeds(const comparison_plan *p, int index) {
    int own = p->sweep ? p->sweep->row_seeds[index] : 0;
    return own > 0 && own < p->seed_count ? own : p->seed_count;
}

// The paper's score, if it has the same unit as ours.
static double own_score(const comparison_plan *p, const compared_variant *v) {
    preset printed;
    double score = published_score(p->request->base_name, v->paper, &v->config.model, &printed);
    return isnan(score) || p->bits != (strcmp(printed.about.data, "enwik8") == 0) ? NAN : score;
}

static sigmoe_status plan_variant(comparison_plan *p, int index, compared_variant *out) {
    const char *text = p->request->variants[index];
    variant_choice choice;
    if (!text) return fail(SIGMOE_BAD_ARGUMENT, "a variant's name is missing");
    if (strlen(text) > LONGEST_LABEL)
        return fail(SIGMOE_BAD_ARGUMENT, "the variant %.40s... is longer than %d bytes", text, LONGEST_LABEL);
    TRY(variant_choose(text, &p->base.model, &choice));
    *out = (compared_variant){.label = arena_text(p->arena, "%s", text),
        .paper = choice.paper,
        .config = config_copy(&p->base),
        .flops_share = comparison_flops_share(&p->base.model, &choice.model)};
    if (!out->label) return SIGMOE_NO_MEMORY;
    out->config.model = choice.model;
    out->lr = p->request->settings.lr;
    out->seeds = own_seeds(p, index);
    out->published = p->sweep ? p->sweep->published[index] : own_score(p, out);
    return model_parameter_count(&choice.model, &out->parameters);
}

// The first variant before `index` that is the same model; NULL: none.
static compared_variant *twin_before(const comparison_plan *p, int index) {
    compared_variant *b = &p->variants[index];
    for (compared_variant *a = p->variants; a < b; a++)
        if (same_model(&a->config.model, &b->config.model) && a->parameters == b->parameters) return a;
    return NULL;
}

static sigmoe_status refuse_duplicates(const comparison_plan *p) {
    for (int i = 0; i < p->variant_count; i++) {
        const compared_variant *twin = twin_before(p, i);
        if (twin && twin->paper == p->variants[i].paper)
            return fail(SIGMOE_BAD_ARGUMENT, "the variants %s and %s are the same; name each once",
                twin->label, p->variants[i].label);
    }
    return SIGMOE_OK;
}

// Overrides can make rows of a table equal: without dropout, Switch with and without it.
static void leave_out_duplicates(comparison_plan *p, const sigmoe_observer *observer) {
    for (int i = 0; i < p->variant_count;) {
        compared_variant *twin = twin_before(p, i);
        if (!twin) {
            i++;
            continue;
        }
        progress_note(
            observer, "%s is the same model as %s here: left out", p->variants[i].label, twin->label);
        if (p->variants[i].seeds > twin->seeds) twin->seeds = p->variants[i].seeds;
        p->variant_count--;
        memmove(&p->variants[i], &p->variants[i + 1], (size_t)(p->variant_count - i) * sizeof *p->variants);
    }
}

static sigmoe_status plan_runs(comparison_plan *p) {
    int64_t most;
    if (!size_product(&most, p->variant_count, p->seed_count) || most > INT_MAX)
        return fail(SIGMOE_BAD_ARGUMENT, "too many runs");
    TRY(ARENA_NEW(p->arena, p->runs, most));
    for (int seed = 0; seed < p->seed_count; seed++)
        for (int variant = 0; variant < p->variant_count; variant++)
            if (seed < p->variants[variant].seeds) p->runs[p->run_count++] = (planned_run){variant, seed};
    return SIGMOE_OK;
}

sigmoe_status plan_comparison(const sigmoe_compare_request *r, const sweep_plan *sweep,
    const sigmoe_observer *observer, arena *a, comparison_plan *p) {
    *p = (comparison_plan){.request = r, .sweep = sweep, .arena = a, .look = 1};
    if (r->variant_count < 1) return fail(SIGMOE_BAD_ARGUMENT, "a comparison needs at least one variant");
    if (r->seeds < 1) return fail(SIGMOE_BAD_ARGUMENT, "seeds is %d; it must be 1 or more", r->seeds);
    if (r->test_tokens < 0) return fail(SIGMOE_BAD_ARGUMENT, "test_tokens must be 0 (all) or more");
    p->variant_count = r->variant_count;
    p->seed_count = r->seeds;
    TRY(adopt_data(p));
    TRY(model_parameter_count(&p->base.model, &p->base_parameters));
    TRY(ARENA_NEW(a, p->variants, p->variant_count));
    for (int i = 0; i < p->variant_count; i++) TRY(plan_variant(p, i, &p->variants[i]));
    if (sweep)
        leave_out_duplicates(p, observer);
    else
        TRY(refuse_duplicates(p));
    TRY(check_settings(p));
    TRY(check_samples(p, observer));
    return plan_runs(p);
}

// ---------------------------------------------------------------- access

bool plan_is_uneven(const comparison_plan *p) {
    return p->run_count < p->variant_count * p->seed_count;
}

uint64_t plan_seed(const comparison_plan *p, int seed) {
    return p->request->settings.seed + (uint64_t)seed;
}

sigmoe_status plan_run_path(const comparison_plan *p, int variant, int seed, char path[PATH_CAPACITY]) {
    char label[LONGEST_LABEL + 1], rate[32] = "";
    snprintf(label, sizeof label, "%s", p->variants[variant].label);
    for (char *letter = label; *letter; letter++)
        if (*letter == ':') *letter = ',';
    if (p->sweep && seed == 0) {
        TRY(path_format(path, "%s/runs/%s", p->request->out, label));
        if (p->seed_count == 1 || path_exists(path)) return SIGMOE_OK;
    }
    if (p->request->lr_count > 0) snprintf(rate, sizeof rate, "-lr%.9g", p->variants[variant].lr);
    return path_format(path, "%s/runs/%s%s-seed%" PRIu64, p->request->out, label, rate, plan_seed(p, seed));
}

const char *plan_unit(const comparison_plan *p) {
    return p->bits ? "bits/char" : "perplexity";
}

// If the data's characters were not counted, a token is a byte.
static double first_known(double wanted, double otherwise) {
    return isnan(wanted) ? otherwise : wanted;
}

double plan_score(const comparison_plan *p, const sigmoe_scores *s) {
    return p->bits ? first_known(s->bits_per_char, s->bits_per_token) : s->perplexity;
}

int plan_decimals(const comparison_plan *p) {
    return p->bits ? 4 : 3;
}
