// What an expert fired on, in its surroundings.
#pragma once

#include "train/analyze.h"

typedef struct occasion_text {
    const char *before, *token, *after;
} occasion_text;

// Texts in the analysis's arena.
sigmoe_status occasion_read(
    const analysis *a, const token_reader *reader, const ff_occasion *o, occasion_text *out);
