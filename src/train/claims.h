// The paper's claims about two rows each, and whether the runs of a comparison bear them out.
#pragma once

#include "model/presets.h"
#include "train/paired.h"

#include <stdio.h>

typedef struct claim {
    const char *better, *worse; // rows
    const char *text;           // "σ-MoE ≥ Switch, at equal parameters"
    const char *source;         // "Tab. 4, 10"
} claim;

int claim_count(void);
const claim *claim_at(int index);

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
sigmoe_status claims_of(const comparison *c, claim_results *out);

// On WT-S the paper has two scores of σ-MoE, that of Tab. 3 beside dense, and that beside the ablations and in Tab. 4; a claim's
// difference takes the one of its table. False on other bases; else the preset with the former.
bool claims_of_two_scores(const comparison *c, preset *printed);

// As lines behind the table, as a section of the report, as JSON (the caller's to release), and as OUT/claims.csv.
void claims_print_text(FILE *out, const comparison *c, const claim_results *claims);
void claims_print_html(FILE *out, const comparison *c, const claim_results *claims);
sigmoe_status claims_to_json(const comparison *c, const claim_results *claims, json_t **out);
sigmoe_status claims_write_csv(const comparison *c, const claim_results *claims);
