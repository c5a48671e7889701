// Bytes as tokens: an id is the byte's index in the ascending list of bytes that occur in the corpus.
#pragma once

#include "prepare/raw_text.h"

// Writes train.bin, valid.bin, test.bin (90, 5 and 5 % of the bytes) and meta.json into an existing directory. Reads the text
// twice: for its size and alphabet, then for the tokens.
sigmoe_status tokenize_bytes(const raw_text *text, const char *directory, const sigmoe_observer *observer);
