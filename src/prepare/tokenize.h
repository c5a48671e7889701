// From a text to token shards.
#pragma once

#include "prepare/corpus.h"

// Cuts a text into splits and tokens as the request says.
sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text);
