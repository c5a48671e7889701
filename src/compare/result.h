// The result of a comparison. Whoever executes the comparison fills it; everyone else only reads.
#pragma once

#include "compare/curves.h"
#include "compare/plan.h"
#include "compare/run.h"

// Scores of the n-gram of the best order, on the tokens that the models are scored on.
typedef struct ngram_scores {
    bool known;                // false: the data have none
    int order;                 // tokens of its contexts
    int64_t steps, counted;    // of the training whose tokens it counts, and how many these are
    sigmoe_scores curve;       // on the tokens of validations during training
    sigmoe_scores valid, test; // on the tokens of the final scores
} ngram_scores;

typedef struct comparison_result {
    const comparison_plan *plan;
    arena *arena;      // the plan's
    int threads;       // it ran on; 0: as many as the machine allows
    run_result *runs;  // [variants, seeds]; only each variant's own seeds are filled
    run_curve *curves; // [variants, seeds], likewise
    ngram_scores ngram;
} comparison_result;

const run_result *result_run(const comparison_result *c, int variant, int seed);
const run_curve *result_curve(const comparison_result *c, int variant, int seed);
// A validation's score in the plan's unit.
double result_point_score(const comparison_result *c, const validation_point *point);
// Of all runs.
int result_runs_failed(const comparison_result *c);        // met NaN or infinity
int result_runs_without_score(const comparison_result *c); // though they are trained
int result_runs_left(const comparison_result *c);          // are pending
