// --variants A,B:KEY=VALUE or, to add rows, +A,+B.
#pragma once

enum { MOST_VARIANTS = 64 };

// Splits `text` at commas, in place. Returns the number of variants, or -1 after printing an error.
int variants_split(char *text, const char **variants, int most);
