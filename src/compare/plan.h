// What a comparison compares: every variant's model, checked and sized before anything is trained.
#pragma once

#include "compare/sweep_plan.h"
#include "compare/variant.h"
#include "data/dataset.h"
#include "system/path.h"

typedef struct compared_variant {
    const char *label; // as asked for: "topk:k=64"
    const paper_variant *paper;
    sigmoe_config config; // with the data's vocabulary and the solved size
    int64_t parameters;
    int seeds;          // trained from the first so many; a sweep's rows can differ in it
    double flops_share; // FF multiply-adds over those of a dense block with the base's N_E·G channels
    // The paper's score for this very variant and base, a sweep's also from before its overrides; NaN: none.
    double published;
} compared_variant;

// One training of a comparison.
typedef struct planned_run {
    int variant, seed;
} planned_run;

typedef struct comparison_plan {
    const sigmoe_compare_request *request;
    const sweep_plan *sweep; // NULL: a comparison of the user's own
    arena *arena;            // all that follows lives here
    dataset data;
    sigmoe_config base; // with the data's vocabulary
    int64_t base_parameters;
    bool bits; // scores are bits per character, else perplexity
    compared_variant *variants;
    int variant_count, seed_count; // seeds: the most that a variant has
    // [run_count] All variants of a seed before the next seed: what is there after an interruption can be compared.
    planned_run *runs;
    int run_count;
} comparison_plan;

// The request and the sweep (or NULL) are the caller's and must outlive the plan. Variants that are the same model are an error;
// of a sweep the later one is left out, and `observer` (or NULL) is told. Errors in the base, the variants, the settings and the
// data are found here.
sigmoe_status plan_comparison(const sigmoe_compare_request *request, const sweep_plan *sweep,
    const sigmoe_observer *observer, arena *a, comparison_plan *out);

// Whether some variants have fewer seeds than others.
bool plan_is_uneven(const comparison_plan *p);
uint64_t plan_seed(const comparison_plan *p, int seed);
// OUT/runs/<variant>-seed<k>; a variant's colons become commas. A sweep from one seed leaves that away.
sigmoe_status plan_run_path(const comparison_plan *p, int variant, int seed, char path[PATH_CAPACITY]);

// What scores are called and how they are read from a set of scores.
const char *plan_unit(const comparison_plan *p); // "bits/char", "perplexity"
double plan_score(const comparison_plan *p, const sigmoe_scores *scores);
