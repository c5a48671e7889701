// The n-gram yardstick of a comparison, on the tokens that its models are scored on.
#pragma once

#include "compare/result.h"

// Of data with at most NGRAM_MOST_VOCABULARY tokens, read from OUT/ngram.json or computed and written there. Other data have
// none.
sigmoe_status ngram_score_data(const comparison_plan *p, ngram_scores *out);
