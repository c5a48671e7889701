// What an expert fired on, in its surroundings.
#pragma once

#include "analyze/analysis.h"

// What knows the text of tokens that model number `index` saw: the data's tokenizer, or else a model's.
const tokenizer *analysis_tokenizer(const analysis *a, int index);

typedef struct occasion_text {
    const char *before, *token, *after;
} occasion_text;

// Texts in the analysis's arena.
sigmoe_status occasion_read(
    const analysis *a, const token_reader *reader, const ff_occasion *o, occasion_text *out);
