// The n-gram baseline of a comparison, on the tokens that its models are scored on.
#pragma once

#include "compare/result.h"

// Reads the scores from OUT/ngram.json, or computes and writes them. Of the orders from 1 to NGRAM_MOST_ORDER it is the one with
// the best validation score. Data with a vocabulary above NGRAM_MOST_VOCABULARY have none. `observer` may be NULL; its stop flag is checked.
sigmoe_status ngram_score_data(const comparison_plan *p, const sigmoe_observer *observer, ngram_scores *out);
