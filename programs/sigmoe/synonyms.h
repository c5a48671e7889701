// Names from other programs and ours for them: for "did you mean" if no similar spelling exists.
#pragma once

#include <stdbool.h>

// The options (without dashes) that `word` may stand for, one per call; NULL after the last. *at starts at 0.
const char *next_synonym_of_option(const char *word, int *at);
const char *synonym_of_command(const char *word); // NULL if unknown
