// Whether the runs of a comparison bear the paper's claims out.
#pragma once

#include "compare/paired.h"
#include "paper/claims.h"
#include "paper/presets.h"

typedef enum claim_verdict {
    CLAIM_TOO_FEW,
    CLAIM_HOLDS,
    CLAIM_DOES_NOT_HOLD,
    CLAIM_WITHIN_NOISE,
    CLAIM_WITHHELD, // the n-gram is better than both rows: whatever they differ in, it is not what they have learned
} claim_verdict;
// Of the differences worse − better, lower scores being better: the interval lies above 0, below, or on it.
claim_verdict claim_judge(t_interval difference);
const char *claim_verdict_text(claim_verdict verdict);

typedef struct claim_result {
    const claim *claim;
    int better, worse;     // variants of the comparison
    t_interval difference; // test score of `worse` minus that of `better`, paired by seed
    double published;      // the same of the paper's scores; NaN: it has not both
    claim_verdict verdict;
} claim_result;

typedef struct claim_results {
    claim_result *results; // in the comparison's arena
    int count;
} claim_results;

// Every claim whose two rows are compared, once for each pair of variants of them. A pair of runs counts when both have a
// score.
sigmoe_status claims_of(const comparison_result *c, claim_results *out);

// On WT-S the paper has two scores of σ-MoE, that of Tab. 3 beside dense, and that beside the ablations and in Tab. 4; a claim's
// difference takes the one of its table. False on other bases; else the preset with the former.
bool claims_of_two_scores(const comparison_result *c, preset *printed);
