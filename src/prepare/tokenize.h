// Turns a text into token shards.
#pragma once

#include "prepare/corpus.h"

// Reads the text, which surveys it, then splits and tokenizes it as requested.
sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text);
// The same for a text that has been surveyed.
sigmoe_status corpus_tokenize_surveyed(
    const corpus_request *request, const raw_text *text, const raw_survey *survey);
