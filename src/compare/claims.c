#include "compare/claims.h"

#include <math.h>
#include <string.h>

claim_verdict claim_judge(t_interval d) {
    if (d.count < LEAST_PAIRS) return CLAIM_TOO_FEW;
    return d.low > 0 ? CLAIM_HOLDS : d.high < 0 ? CLAIM_DOES_NOT_HOLD : CLAIM_WITHIN_NOISE;
}

const char *claim_verdict_text(claim_verdict verdict) {
    static const char *const texts[] = {[CLAIM_TOO_FEW] = "needs 3 seeds",
        [CLAIM_HOLDS] = "holds",
        [CLAIM_DOES_NOT_HOLD] = "does not hold",
        [CLAIM_WITHIN_NOISE] = "within noise",
        [CLAIM_WITHHELD] = "withheld: an n-gram is better"};
    return texts[verdict];
}

bool claims_of_two_scores(const comparison_result *c, preset *printed) {
    char name[64];
    if (!c->plan->request->base_name) return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(c->plan->request->base_name, "@"),
        c->plan->request->base_name);
    return preset_named(name, printed) == SIGMOE_OK && printed->paper == BASE_WT_S;
}

static double published_for(const comparison_result *c, const claim *claimed, int variant) {
    const compared_variant *v = &c->plan->variants[variant];
    preset printed;
    bool sigma = !isnan(v->published) && strcmp(v->paper->name, "sigma-moe") == 0;
    if (!sigma || !claims_of_two_scores(c, &printed)) return v->published;
    return strcmp(claimed->worse, "dense") == 0 ? printed.about.published
                                                : v->paper->published[printed.paper];
}

static double mean_test_score(const comparison_result *c, int variant) {
    double sum = 0;
    int count = 0;
    for (int seed = 0; seed < c->plan->variants[variant].seeds; seed++) {
        double score = plan_score(c->plan, &result_run(c, variant, seed)->test);
        if (isfinite(score)) sum += score, count++;
    }
    return sum / count; // NaN: none
}

static bool ngram_beats_both(const comparison_result *c, int better, int worse) {
    return ngram_beats(c, test_scores, mean_test_score(c, better)) &&
           ngram_beats(c, test_scores, mean_test_score(c, worse));
}

// `differences` has room for one value per seed.
static claim_result judge(
    const comparison_result *c, const claim *claimed, int better, int worse, double *differences) {
    t_interval interval = paired_difference(c, better, worse, test_scores, differences);
    bool withheld = interval.count >= LEAST_PAIRS && ngram_beats_both(c, better, worse);
    return (claim_result){.claim = claimed,
        .better = better,
        .worse = worse,
        .difference = interval,
        .published = published_for(c, claimed, worse) - published_for(c, claimed, better),
        .verdict = withheld ? CLAIM_WITHHELD : claim_judge(interval)};
}

static bool has_paper_name(const comparison_result *c, int variant, const char *paper_name) {
    return strcmp(c->plan->variants[variant].paper->name, paper_name) == 0;
}

// Iterates over all pairs; with `results` NULL it only counts them.
static int for_all_pairs(const comparison_result *c, claim_result *results, double *differences) {
    int count = 0;
    for (int k = 0; k < claim_count(); k++)
        for (int i = 0; i < c->plan->variant_count; i++)
            for (int j = 0; j < c->plan->variant_count; j++) {
                if (!has_paper_name(c, i, claim_at(k)->better) || !has_paper_name(c, j, claim_at(k)->worse))
                    continue;
                if (results) results[count] = judge(c, claim_at(k), i, j, differences);
                count++;
            }
    return count;
}

sigmoe_status claims_of(const comparison_result *c, claim_results *out) {
    double *differences;
    TRY(ARENA_NEW(c->arena, differences, c->plan->seed_count));
    TRY(ARENA_NEW(c->arena, out->results, for_all_pairs(c, NULL, NULL)));
    out->count = for_all_pairs(c, out->results, differences);
    return SIGMOE_OK;
}
