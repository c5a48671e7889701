#include "report/table_files.h"

#include "compare/conclusion.h"
#include "compare/sweep_plan.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "report/claims_output.h"
#include "report/table.h"
#include "system/file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static double percent_of_base(const comparison_result *c, const compared_variant *v) {
    return 100 * (double)(v->parameters - c->plan->base_parameters) / (double)c->plan->base_parameters;
}

// ---------------------------------------------------------------- CSV

static void csv_number(FILE *out, double value) {
    if (isfinite(value))
        fprintf(out, ",%.10g", value);
    else
        fputc(',', out);
}

static void csv_line(
    FILE *out, const comparison_result *c, const compared_variant *v, const variant_summary *summary) {
    const double numbers[] = {percent_of_base(c, v), v->flops_share, summary->feedforward_share.median,
        summary->feedforward_seconds.median, summary->tokens_per_second.median,
        summary->peak_activation_bytes, summary->valid.mean, summary->valid.deviation, summary->test.mean,
        summary->test.deviation, v->published, summary->feedforward_share.low,
        summary->feedforward_share.high, summary->feedforward_seconds.low, summary->feedforward_seconds.high,
        summary->tokens_per_second.low, summary->tokens_per_second.high};
    fprintf(
        out, "%s,%" PRId64 ",%" PRId64, v->label, v->parameters, v->parameters - c->plan->base_parameters);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) csv_number(out, numbers[i]);
    fputc('\n', out);
}

typedef struct csv_contents {
    const comparison_result *c;
    const variant_summary *summaries; // [variants]
} csv_contents;

// Labels contain neither commas nor quotes: they consist of names and of options from a schema.
static sigmoe_status print_csv(FILE *out, const void *context) {
    const csv_contents *csv = context;
    const comparison_result *c = csv->c;
    fputs(
        "variant,parameters,difference,difference_percent,ff_flops_share,ff_time_share,ff_seconds_per_step,"
        "tokens_per_s,peak_activation_bytes,valid_mean,valid_std,test_mean,test_std,published,ff_time_share_"
        "q1,ff_time_share_q3,ff_seconds_per_step_q1,ff_seconds_per_step_q3,tokens_per_s_q1,tokens_per_s_q3\n",
        out);
    for (int i = 0; i < c->plan->variant_count; i++)
        csv_line(out, c, &c->plan->variants[i], &csv->summaries[i]);
    if (!c->ngram.known) return SIGMOE_OK;
    fprintf(out, "order-%d n-gram,,,,,,,,", c->ngram.order);
    csv_number(out, plan_score(c->plan, &c->ngram.valid));
    fputc(',', out);
    csv_number(out, plan_score(c->plan, &c->ngram.test));
    fputs(",,,,,,,,\n", out);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- JSON

static sigmoe_status put_number(json_t *object, const char *key, double value) {
    return json_put(object, key, json_finite(value));
}

// The median as `key`, with the quartiles around it.
static sigmoe_status put_quartiles(const comparison_result *c, json_t *object, const char *key, quartiles q) {
    const char *low = arena_text(c->arena, "%s_q1", key), *high = arena_text(c->arena, "%s_q3", key);
    if (!low || !high) return SIGMOE_NO_MEMORY;
    TRY(put_number(object, key, q.median));
    TRY(put_number(object, low, q.low));
    return put_number(object, high, q.high);
}

static sigmoe_status put_spread(json_t *object, const char *key, spread s) {
    json_t *pair = json_object();
    TRY(json_put(object, key, pair));
    TRY(put_number(pair, "mean", s.mean));
    return put_number(pair, "std", s.deviation);
}

static sigmoe_status append_object(json_t *array, json_t **out) {
    *out = json_object();
    if (json_array_append_new(array, *out) == 0) return SIGMOE_OK;
    return fail(SIGMOE_NO_MEMORY, "no memory for table.json");
}

static sigmoe_status put_run(json_t *runs, const comparison_result *c, int variant, int seed) {
    const run_result *r = result_run(c, variant, seed);
    json_t *run, *valid, *test;
    TRY(append_object(runs, &run));
    TRY(json_put(run, "seed", json_integer((json_int_t)plan_seed(c->plan, seed))));
    TRY(json_put(run, "failure", r->failure ? json_string(r->failure) : json_null()));
    TRY(scores_to_json(&r->valid, &valid));
    TRY(json_put(run, "valid", valid));
    TRY(scores_to_json(&r->test, &test));
    return json_put(run, "test", test);
}

static int scores_counted(const comparison_result *c, int variant) {
    int count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++)
        count += isfinite(plan_score(c->plan, &result_run(c, variant, s)->test));
    return count;
}

// Validation scores by learning rate, if each row has its own.
static sigmoe_status put_grid(json_t *object, const comparison_result *c, const compared_variant *v) {
    json_t *grid, *entry;
    if (!v->grid_scores) return SIGMOE_OK;
    TRY(json_put(object, "lr_grid", grid = json_array()));
    for (int i = 0; i < c->plan->request->lr_count; i++) {
        TRY(append_object(grid, &entry));
        TRY(put_number(entry, "lr", c->plan->request->lr_grid[i]));
        TRY(put_number(entry, "valid", v->grid_scores[i]));
    }
    return SIGMOE_OK;
}

static sigmoe_status put_variant(
    json_t *variants, const comparison_result *c, const variant_summary *summary, const judgement *j, int i) {
    const compared_variant *v = &c->plan->variants[i];
    json_t *object, *runs = json_array();
    TRY(append_object(variants, &object));
    TRY(json_put(object, "runs", runs));
    TRY(json_put(object, "variant", json_string(v->label)));
    TRY(json_put(object, "parameters", json_integer(v->parameters)));
    TRY(json_put(object, "difference", json_integer(v->parameters - c->plan->base_parameters)));
    TRY(put_number(object, "difference_percent", percent_of_base(c, v)));
    TRY(put_number(object, "ff_flops_share", v->flops_share));
    TRY(put_quartiles(c, object, "ff_time_share", summary->feedforward_share));
    TRY(put_quartiles(c, object, "ff_seconds_per_step", summary->feedforward_seconds));
    TRY(put_quartiles(c, object, "tokens_per_s", summary->tokens_per_second));
    TRY(put_number(object, "peak_activation_bytes", summary->peak_activation_bytes));
    TRY(put_spread(object, "valid", summary->valid));
    TRY(put_spread(object, "test", summary->test));
    TRY(put_number(object, "published", v->published));
    TRY(put_number(object, "lr", v->lr));
    TRY(put_grid(object, c, v));
    TRY(put_number(object, "score_mean", summary->test.mean));
    TRY(put_number(object, "score_sd", summary->test.deviation));
    TRY(json_put(object, "seeds", json_integer(scores_counted(c, i))));
    TRY(json_put(object, "tied_with_best", j->best < 0 ? json_null() : json_boolean(j->leads[i])));
    TRY(put_number(object, "ff_time_median", summary->feedforward_seconds.median));
    for (int s = 0; s < v->seeds; s++) TRY(put_run(runs, c, i, s));
    return SIGMOE_OK;
}

static sigmoe_status put_pair(json_t *pairs, const comparison_result *c, const variant_pair *p) {
    json_t *object;
    TRY(append_object(pairs, &object));
    TRY(json_put(object, "a", json_string(c->plan->variants[p->a].label)));
    TRY(json_put(object, "b", json_string(c->plan->variants[p->b].label)));
    TRY(json_put(object, "seeds", json_integer(p->seeds)));
    TRY(put_number(object, "difference", p->difference));
    TRY(put_number(object, "low", p->low));
    TRY(put_number(object, "high", p->high));
    return json_put(object, "verdict", json_string(pair_verdict_name(p->verdict)));
}

// The conclusion in words and, as numbers, what it rests on.
static sigmoe_status put_judgement(
    json_t *root, const comparison_result *c, const variant_summary *summaries, const judgement *j) {
    const char *conclusion;
    json_t *pairs = json_array();
    TRY(json_put(root, "pairs", pairs));
    TRY(conclusion_of(c, summaries, j, &conclusion));
    TRY(json_put(root, "conclusion", json_string(conclusion)));
    TRY(put_number(root, "margin", j->rules.margin));
    TRY(put_number(root, "confidence", 1 - j->rules.error));
    for (int i = 0; i < j->pair_count; i++) TRY(put_pair(pairs, c, &j->pairs[i]));
    return SIGMOE_OK;
}

static sigmoe_status put_ngram(json_t *root, const comparison_result *c) {
    json_t *ngram = json_object(), *valid, *test;
    TRY(json_put(root, "ngram", ngram));
    TRY(json_put(ngram, "order", json_integer(c->ngram.order)));
    TRY(json_put(ngram, "counted_tokens", json_integer(c->ngram.counted)));
    TRY(scores_to_json(&c->ngram.valid, &valid));
    TRY(json_put(ngram, "valid", valid));
    TRY(scores_to_json(&c->ngram.test, &test));
    return json_put(ngram, "test", test);
}

static sigmoe_status put_sweep(json_t *root, const comparison_result *c) {
    claim_results claims;
    json_t *list;
    TRY(json_put(root, "table", json_string(c->plan->sweep->name)));
    TRY(json_put(root, "published_score", json_string(c->plan->sweep->published_unit)));
    TRY(claims_of(c, &claims));
    TRY(claims_to_json(c, &claims, &list));
    return json_put(root, "claims", list);
}

static sigmoe_status fill_json(json_t *root, const comparison_result *c, const variant_summary *summaries) {
    judgement j;
    json_t *variants = json_array();
    const char *base = c->plan->request->base_name;
    TRY(json_put(root, "score", json_string(plan_unit(c->plan))));
    TRY(json_put(root, "base", json_string(base ? base : "")));
    TRY(json_put(root, "base_parameters", json_integer(c->plan->base_parameters)));
    TRY(json_put(root, "variants", variants));
    TRY(judge(c, summaries, test_scores, &j));
    TRY(put_judgement(root, c, summaries, &j));
    for (int i = 0; i < c->plan->variant_count; i++) TRY(put_variant(variants, c, &summaries[i], &j, i));
    if (c->plan->sweep) TRY(put_sweep(root, c));
    return c->ngram.known ? put_ngram(root, c) : SIGMOE_OK;
}

static sigmoe_status write_json(
    const char *path, const comparison_result *c, const variant_summary *summaries) {
    json_t *root = json_object();
    return json_save(fill_json(root, c, summaries), path, root);
}

static sigmoe_status write_claims(const comparison_result *c) {
    claim_results claims;
    TRY(claims_of(c, &claims));
    return claims_write_csv(c, &claims);
}

sigmoe_status table_write(const comparison_result *c, const variant_summary *summaries, const char *text) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/table.txt", c->plan->request->out));
    TRY(file_write(path, text, strlen(text)));
    TRY(path_format(path, "%s/table.csv", c->plan->request->out));
    TRY(file_print(path, print_csv, &(csv_contents){c, summaries}));
    TRY(path_format(path, "%s/table.json", c->plan->request->out));
    TRY(write_json(path, c, summaries));
    return c->plan->sweep ? write_claims(c) : SIGMOE_OK;
}
