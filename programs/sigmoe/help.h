// What --help prints of a command's table, and the texts that the manual pages share with it.
#pragma once

#include "arguments.h"

// Prints a command's help on stdout, as wide as the terminal.
void command_help(const command *c);
// Prints "  NAME  text", the text folded in its own column behind names of up to `name_columns`.
void print_entry(const char *name, const char *text, int name_columns);

// The command's values as its defaults leave them. The caller frees them.
void *command_defaults(const command *c);
// "--batch B". Returns `buffer`, like the next.
const char *option_head(const argument *a, char *buffer, size_t size);
// "sequences in a step (default 8)": what the option is, its choices, the limits that one may meet, and its default, which
// `defaults` has.
const char *option_text(const command *c, int index, const void *defaults, char *buffer, size_t size);
// The words behind the command's name: "--data DIR --out RUN [options]".
const char *usage_text(const command *c, char *buffer, size_t size);
