// What a comparison says in words.
#pragma once

#include "compare/judgement.h"

// One paragraph on the test scores: who leads, who is worse and by how much, what that costs, and hence what to use; or why
// nothing can be concluded. Plain text without line breaks, in the comparison's arena; "" if there is nothing to compare.
sigmoe_status conclusion_of(
    const comparison_result *c, const variant_summary *summaries, const judgement *j, const char **paragraph);
