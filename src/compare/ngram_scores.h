// The n-gram yardstick of a comparison, on the tokens that its models are scored on.
#pragma once

#include "compare/result.h"

// Of data with at most NGRAM_MOST_VOCABULARY tokens, read from OUT/ngram.json or computed and written there. Other data have
// none. `observer`, whose stop flag is heeded, may be NULL.
sigmoe_status ngram_score_data(const comparison_plan *p, const sigmoe_observer *observer, ngram_scores *out);
