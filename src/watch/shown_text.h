// Texts from files and of users, made fit to be shown (base/printable.h) in a number of columns.
#pragma once

#include "base/arena.h"

#include <stdio.h>

// Prints as much of the text as fits into `columns`, with ↵ for newlines; returns the columns used.
int shown_text_print(FILE *out, const char *text, int columns);
// The whole text, in the arena.
sigmoe_status shown_text(arena *a, const char *text, const char **out);
