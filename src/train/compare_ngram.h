// The n-gram yardstick of a comparison, on the tokens that its models are scored on.
#pragma once

#include "train/compare_plan.h"

// Fills has_ngram and its three scores: of data with at most NGRAM_MOST_VOCABULARY tokens, read from
// OUT/ngram.json or computed and written there. Other data has none.
sigmoe_status comparison_ngram(comparison *c);
