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

// ---------------------------------------------------------------- Student's t

double student_quantile(int freedom) {
    static const double table[] = {12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624,
        2.306004, 2.262157, 2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816,
        2.100922, 2.093024, 2.085963};
    enum { KNOWN = sizeof table / sizeof *table };
    if (freedom <= KNOWN) return table[freedom - 1];
    // Fisher's expansion around the normal quantile; off by less than 1e-5 from here on.
    const double z = 1.959963985, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, n = freedom;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

t_interval t_interval_of(const double *values, int count) {
    double sum = 0, squares = 0;
    if (count < CLAIM_LEAST_PAIRS) return (t_interval){count, NAN, NAN, NAN};
    for (int i = 0; i < count; i++) sum += values[i];
    double mean = sum / count;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    double half = student_quantile(count - 1) * sqrt(squares / (count - 1) / count);
    return (t_interval){count, mean, mean - half, mean + half};
}

// ---------------------------------------------------------------- verdicts

claim_verdict claim_judge(t_interval d) {
    if (d.count < CLAIM_LEAST_PAIRS) return CLAIM_TOO_FEW;
    return d.low > 0 ? CLAIM_HOLDS : d.high < 0 ? CLAIM_DOES_NOT_HOLD : CLAIM_WITHIN_NOISE;
}

const char *claim_verdict_text(claim_verdict verdict) {
    static const char *const texts[] = {[CLAIM_TOO_FEW] = "needs 3 seeds",
        [CLAIM_HOLDS] = "holds",
        [CLAIM_DOES_NOT_HOLD] = "does not hold",
        [CLAIM_WITHIN_NOISE] = "within noise"};
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

// `differences` has room for one a seed.
static claim_result judge(
    const comparison *c, const claim *claimed, int better, int worse, double *differences) {
    int count = 0;
    for (int seed = 0; seed < c->variants[better].seeds && seed < c->variants[worse].seeds; seed++) {
        double difference = comparison_score(c, &comparison_result(c, worse, seed)->test) -
                            comparison_score(c, &comparison_result(c, better, seed)->test);
        if (isfinite(difference)) differences[count++] = difference;
    }
    t_interval interval = t_interval_of(differences, count);
    return (claim_result){.claim = claimed,
        .better = better,
        .worse = worse,
        .difference = interval,
        .published = published_for(c, claimed, worse) - published_for(c, claimed, better),
        .verdict = claim_judge(interval)};
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
