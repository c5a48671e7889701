// What the judgement of the test scores says about each row, for the page's table.
#pragma once

#include "compare/summary.h"

typedef struct row_verdict {
    bool leads;         // the best, or it cannot be told apart from the best
    const char *text;   // "worse by 0.0312"
    const char *detail; // its interval; "": none
    double behind;      // difference from the best; NaN: not judged
} row_verdict;

// [variants], in the comparison's arena.
sigmoe_status row_verdicts_make(
    const comparison_result *c, const variant_summary *summaries, row_verdict **out);
