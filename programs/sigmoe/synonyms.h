// What people type who know other programs, and what it is called here: for "did you mean" where no spelling is near.
#pragma once

#include <stdbool.h>

// Options (without dashes) that `word` may stand for, one a call; NULL when there are no more. *at begins as 0.
const char *next_synonym_of_option(const char *word, int *at);
const char *synonym_of_command(const char *word); // NULL when unknown
