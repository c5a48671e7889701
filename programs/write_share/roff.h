// Text for the sources of manual pages.
#pragma once

#include <stdio.h>

// Prose: lines are folded, each sentence begins one; options and what stands between backquotes become bold.
void put_prose(FILE *out, const char *text);
// A command that is shown as it is typed, folded with backslashes.
void put_command(FILE *out, const char *text);
// What is typed as it stands, in one line.
void put_literal(FILE *out, const char *text);
