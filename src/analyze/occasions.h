// The tokens that an expert fired on, in context.
#pragma once

#include "analyze/analysis.h"

// The tokenizer that has the text of the tokens that model `index` saw: the data's or else a model's.
const tokenizer *analysis_tokenizer(const analysis *a, int index);

typedef struct occasion_text {
    const char *before, *token, *after;
} occasion_text;

// Allocates texts in the analysis's arena.
sigmoe_status occasion_read(
    const analysis *a, const token_reader *reader, const ff_occasion *o, occasion_text *out);
