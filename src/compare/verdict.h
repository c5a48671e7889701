// What the scores of a comparison show: which variant is best, which ones tie with it, and whether any has learned enough to
// ask.
#pragma once

#include "compare/paired.h"
#include "compare/summary.h"

typedef enum standing {
    STANDING_UNJUDGED, // fewer than three seeds, or fewer in common with the best; or nothing is judged
    STANDING_BEST,     // the lowest mean of all variants with three seeds
    STANDING_TIED,     // the 95 % interval of the difference from it, paired by seed, contains 0
    STANDING_WORSE,
} standing;
// [variants], in the comparison's arena. If an n-gram beats all, or there is nothing to compare, none is judged.
sigmoe_status standings_of(
    const comparison_result *c, const variant_summary *summaries, result_scores *of, standing **out);
static inline bool standing_leads(standing s) {
    return s == STANDING_BEST || s == STANDING_TIED;
}

// Plain-text sentences, in reading order; the texts live in the comparison's arena.
enum { MOST_SENTENCES = 4 };
typedef struct verdict {
    const char *sentence[MOST_SENTENCES];
    int count;
} verdict;
sigmoe_status verdict_of(const comparison_result *c, const variant_summary *summaries, verdict *out);
