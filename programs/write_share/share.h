// Files of the share directory, made from the tables of the program's commands.
#pragma once

#include "sigmoe/commands.h"

#include <stdio.h>

// Manual pages in man(7). `date` is "2026-11-29".
void write_overview_page(FILE *out, const char *date);
void write_command_page(FILE *out, const command *c, const char *date);
void write_config_page(FILE *out, const char *date);

// Completion of the command line for each shell.
void write_bash_completion(FILE *out);
void write_zsh_completion(FILE *out);
void write_fish_completion(FILE *out);
