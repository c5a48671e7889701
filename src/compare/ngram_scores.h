// The n-gram baseline of a comparison, on the tokens that its models are scored on.
#pragma once

#include "compare/result.h"

// Reads the scores from OUT/ngram.json, or computes and writes them. Data with more than NGRAM_MOST_VOCABULARY tokens have
// none. `observer` may be NULL; its stop flag is checked.
sigmoe_status ngram_score_data(const comparison_plan *p, const sigmoe_observer *observer, ngram_scores *out);
