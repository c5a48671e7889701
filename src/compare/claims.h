// Whether the runs of a comparison support the paper's claims.
#pragma once

#include "compare/paired.h"
#include "paper/claims.h"
#include "paper/presets.h"

typedef enum claim_verdict {
    CLAIM_TOO_FEW,
    CLAIM_HOLDS,
    CLAIM_DOES_NOT_HOLD,
    CLAIM_WITHIN_NOISE,
    CLAIM_WITHHELD, // the n-gram beats both rows: their difference is not due to what they learned
} claim_verdict;
// By the interval of the differences worse − better (lower scores are better): above 0, below 0, or containing 0.
claim_verdict claim_judge(t_interval difference);
const char *claim_verdict_text(claim_verdict verdict);

typedef struct claim_result {
    const claim *claim;
    int better, worse;     // variants of the comparison
    t_interval difference; // test score of `worse` minus that of `better`, paired by seed
    double published;      // the same difference of the paper's scores; NaN: the paper lacks one
    claim_verdict verdict;
} claim_result;

typedef struct claim_results {
    claim_result *results; // in the comparison's arena
    int count;
} claim_results;

// Every claim whose two rows are compared, once for each pair of their variants. A pair of runs counts if both have a score.
sigmoe_status claims_of(const comparison_result *c, claim_results *out);

// On WT-S the paper has two scores of σ-MoE: in Tab. 3 next to dense, and in Tab. 4 and next to the ablations. A claim's
// difference uses the one of its own table. False on other bases; otherwise sets the preset with the former score.
bool claims_of_two_scores(const comparison_result *c, preset *printed);
