#include "train/claims.h"

#include <math.h>
#include <string.h>

static const claim claims[] = {
    {"sigma-moe", "dense", "σ-MoE ≥ dense, at equal parameters", "Tab. 3, 5"},
    {"sigma-moe", "switch", "σ-MoE ≥ Switch, at equal parameters", "Tab. 4, 5, 10"},
    {"sigma-moe", "switch-no-dropout", "σ-MoE ≥ Switch without dropout", "Tab. 10"},
    {"sigma-moe", "switch-k4", "σ-MoE ≥ Switch with the same K and G", "Tab. 10"},
    {"sigma-moe", "switch-k1", "σ-MoE ≥ Switch with K=1 and the same G", "Tab. 10"},
    {"sigma-moe", "s-base", "σ-MoE ≥ S-BASE, at equal parameters", "Tab. 4, 10"},
    {"sigma-moe", "s-base-k4", "σ-MoE ≥ S-BASE with the same K and G", "Tab. 4, 5, 10"},
    {"sigma-moe", "softmax-renorm", "sigmoid ≥ softmax after top-K", "Tab. 10"},
    {"sigma-moe", "softmax", "sigmoid ≥ softmax before top-K", "Tab. 10"},
    {"sigma-moe", "standard-init", "dense-equivalent initialization ≥ standard", "Tab. 10"},
    {"sigma-moe", "no-regularization", "regularizer and expert dropout ≥ neither", "Tab. 10"},
    {"sigma-moe", "standard-dropout", "expert dropout ≥ standard dropout", "Tab. 10"},
    {"sigma-moe", "2k-half-g", "K experts ≥ 2K of half the size", "Tab. 10"},
    {"sigma-moe", "half-k-2g", "K experts ≥ K/2 of twice the size", "Tab. 10"},
    {"sigma-moe", "quarter-k-4g", "K experts ≥ K/4 of four times the size", "Tab. 10"},
    {"sigma-moe", "2ne-half-g", "N_E experts ≥ 2N_E of half the size, same K", "Tab. 10"},
    {"half-k", "quarter-k", "K/2 ≥ K/4", "Tab. 10"},
    {"sigma-moe", "half-k", "K ≥ K/2", "Tab. 10"},
    {"2k", "sigma-moe", "2K ≥ K", "Tab. 10"},
    {"topk", "dense", "Top-K ≥ dense", "Tab. 1"},
    {"dense", "pkm-relu-init", "dense ≥ product-key memory with ReLU and +init", "Tab. 2"},
    {"pkm-relu", "pkm-softmax", "product keys: ReLU ≥ softmax", "Tab. 2"},
    {"pkm-relu-init", "pkm-relu", "product keys: +init ≥ standard", "Tab. 2"},
    {"pkm-relu-value", "pkm-softmax-value", "product keys of equal values: ReLU ≥ softmax", "Tab. 6"},
    {"pkm-relu-init-value", "pkm-relu-value", "product keys of equal values: +init ≥ standard", "Tab. 6"},
};

int claim_count(void) {
    return sizeof claims / sizeof *claims;
}
const claim *claim_at(int index) {
    return &claims[index];
}

// ---------------------------------------------------------------- verdicts

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

bool claims_of_two_scores(const comparison *c, preset *printed) {
    char name[64];
    if (!c->request->base_name) return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(c->request->base_name, "@"), c->request->base_name);
    return preset_named(name, printed) == SIGMOE_OK && printed->paper == BASE_WT_S;
}

static double published_for(const comparison *c, const claim *claimed, int variant) {
    const compared_variant *v = &c->variants[variant];
    preset printed;
    bool sigma = !isnan(v->published) && strcmp(v->row->name, "sigma-moe") == 0;
    if (!sigma || !claims_of_two_scores(c, &printed)) return v->published;
    return strcmp(claimed->worse, "dense") == 0 ? printed.about.published : v->row->published[printed.paper];
}

static double mean_test_score(const comparison *c, int variant) {
    double sum = 0;
    int count = 0;
    for (int seed = 0; seed < c->variants[variant].seeds; seed++) {
        double score = comparison_score(c, &comparison_result(c, variant, seed)->test);
        if (isfinite(score)) sum += score, count++;
    }
    return sum / count; // NaN: none
}

static bool ngram_beats_both(const comparison *c, int better, int worse) {
    return ngram_beats(c, test_scores, mean_test_score(c, better)) &&
           ngram_beats(c, test_scores, mean_test_score(c, worse));
}

// `differences` has room for one a seed.
static claim_result judge(
    const comparison *c, const claim *claimed, int better, int worse, double *differences) {
    t_interval interval = paired_difference(c, better, worse, test_scores, differences);
    bool withheld = interval.count >= LEAST_PAIRS && ngram_beats_both(c, better, worse);
    return (claim_result){.claim = claimed,
        .better = better,
        .worse = worse,
        .difference = interval,
        .published = published_for(c, claimed, worse) - published_for(c, claimed, better),
        .verdict = withheld ? CLAIM_WITHHELD : claim_judge(interval)};
}

static bool is_row(const comparison *c, int variant, const char *row) {
    return strcmp(c->variants[variant].row->name, row) == 0;
}

// Goes through all pairs; `results` NULL only counts them.
static int for_all_pairs(const comparison *c, claim_result *results, double *differences) {
    int count = 0;
    for (int k = 0; k < claim_count(); k++)
        for (int i = 0; i < c->variant_count; i++)
            for (int j = 0; j < c->variant_count; j++) {
                if (!is_row(c, i, claims[k].better) || !is_row(c, j, claims[k].worse)) continue;
                if (results) results[count] = judge(c, &claims[k], i, j, differences);
                count++;
            }
    return count;
}

sigmoe_status claims_of(const comparison *c, claim_results *out) {
    double *differences;
    TRY(ARENA_NEW(c->arena, differences, c->seed_count));
    TRY(ARENA_NEW(c->arena, out->results, for_all_pairs(c, NULL, NULL)));
    out->count = for_all_pairs(c, out->results, differences);
    return SIGMOE_OK;
}
