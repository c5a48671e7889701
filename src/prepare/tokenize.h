// Turns a text into token shards.
#pragma once

#include "prepare/corpus.h"

// Splits and tokenizes a text as requested.
sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text);
