// Bytes as tokens: an id is the byte's index in the ascending list of bytes that occur in the corpus.
#pragma once

#include "prepare/raw_text.h"

// Writes train.bin, valid.bin, test.bin and meta.json into an existing directory, from a text that has been surveyed.
sigmoe_status tokenize_bytes(
    const raw_text *text, const raw_survey *survey, const char *directory, const sigmoe_observer *observer);
