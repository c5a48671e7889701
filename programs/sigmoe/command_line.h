// The command line that started the program, for reports.
#pragma once

#include <stdio.h>

// Must be called first; argv remains main's.
void command_line_keep(int argc, char **argv);
// On one line, each word quoted for a shell. The caller frees it; NULL if out of memory.
char *command_line(void);
void print_word(FILE *out, const char *word); // one of them
