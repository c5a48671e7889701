// How large a difference a comparison could show, and how many more seeds would settle what it left open.
#pragma once

#include "compare/judgement.h"

enum { MOST_FORESEEN_SEEDS = 200 };

typedef struct power_estimate {
    // The true difference that the seeds done show in 4 of 5 comparisons, of the pair in the middle; in the score's unit. NaN:
    // nothing is judged.
    double detectable;
    int open;       // pairs that matter and are undecided
    int more_seeds; // each row, until every open pair is decided if its difference and variance stay as measured
    int hardest;    // the pair that needs most of them; -1: none is open
    bool beyond; // that takes more than MOST_FORESEEN_SEEDS in all: more_seeds is what is left to that number
} power_estimate;

// `next_error` is the error that the intervals after more seeds will use; `seeds` a row has now.
sigmoe_status power_of(const judgement *j, int seeds, double next_error, arena *a, power_estimate *out);

// The same in a few plain sentences, in the comparison's arena; "" if there is nothing to compare.
sigmoe_status power_text(const comparison_result *c, const judgement *j, const char **out);
