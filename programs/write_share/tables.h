// Walks through the tables that completion needs.
#pragma once

#include "sigmoe/commands.h"

#include <stdio.h>

// The known values of all commands, each name once. Returns how many there are.
enum { MOST_NAMED = 32 };
int named_values(const known_values *found[MOST_NAMED]);

// The first word of a command's name, if the name has two; "" otherwise. The buffer is the function's.
const char *family_of(const command *c);
// Whether `c` is the first command of its family.
bool opens_family(const command *const *c);
// The word behind the family's, or the only one.
const char *last_word(const command *c);
// Length of the first word.
int first_word(const char *text);

// `text` between single quotes, where a quote is written as `quote`, and each of `special` behind a backslash.
void put_quoted(FILE *out, const char *text, const char *special, const char *quote);
