// What a comparison compares: every variant's model, checked and sized before any training.
#pragma once

#include "compare/sweep_plan.h"
#include "compare/variant.h"
#include "data/dataset.h"
#include "distribute/communicator.h"
#include "system/path.h"

enum { DEFAULT_SEEDS = 3 }; // the fewest that give a verdict

typedef struct compared_variant {
    const char *label; // as requested: "topk:k=64"
    const paper_variant *paper;
    sigmoe_config config; // with the data's vocabulary and the solved size
    int64_t parameters;
    int seeds;          // number of seeds, counted from the first; rows of a sweep can differ
    double flops_share; // FF multiply-adds relative to those of a dense block with the base's N_E·G channels
    // The paper's score for exactly this variant and base, in a sweep also before its overrides; NaN: none.
    double published;
    double lr; // peak learning rate
    const double
        *grid_scores; // [lr_count] validation score of the first seed at each rate of the grid; NULL: no grid
} compared_variant;

// One training of a comparison.
typedef struct planned_run {
    int variant, seed;
} planned_run;

typedef struct comparison_plan {
    const sigmoe_compare_request *request;
    const sweep_plan *sweep; // NULL: the user's own comparison
    arena *arena;            // holds everything below
    // Of the processes that share the runs, and of those that train one together, set by the caller; NULL: this one alone.
    communicator *link, *group;
    dataset data;
    sigmoe_config base; // with the data's vocabulary
    int64_t base_parameters;
    bool bits;                 // scores are bits per character, otherwise perplexity
    int look;                  // at these scores: 1 for the first; more seeds are another look
    const char *sample_prompt; // that models continue for the report; NULL: none
    bool sequential;           // it goes on until it is decided
    compared_variant *variants;
    int variant_count, seed_count; // seeds: the maximum over the variants
    // [run_count] All variants of a seed before the next seed, so that the results after an interruption can be compared.
    planned_run *runs;
    int run_count;
} comparison_plan;

// Whether this process writes what is about the whole comparison, and shows it.
static inline bool plan_leads(const comparison_plan *p) {
    return communicator_leads(p->link);
}

// The request and the sweep (or NULL) belong to the caller and must outlive the plan. Variants that are the same model are an
// error; in a sweep, the later one is left out and `observer` (or NULL) is notified. Finds all errors in the base, the
// variants, the settings and the data.
sigmoe_status plan_comparison(const sigmoe_compare_request *request, const sweep_plan *sweep,
    const sigmoe_observer *observer, arena *a, comparison_plan *out);

// Whether some variants have fewer seeds than others.
bool plan_is_uneven(const comparison_plan *p);
uint64_t plan_seed(const comparison_plan *p, int seed);
// OUT/runs/<variant>-seed<k>, with a grid OUT/runs/<variant>-lr<rate>-seed<k>; colons in the variant become commas. A sweep that
// began with one seed has its first without "-seed<k>".
sigmoe_status plan_run_path(const comparison_plan *p, int variant, int seed, char path[PATH_CAPACITY]);

// The unit of the scores, and the score in that unit from a set of scores.
const char *plan_unit(const comparison_plan *p); // "bits/char", "perplexity"
double plan_score(const comparison_plan *p, const sigmoe_scores *scores);
int plan_decimals(const comparison_plan *p); // with which scores are shown
