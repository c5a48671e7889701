// Prompts of `sigmoe generate`, read from files.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct prompts {
    char **texts;  // each with a zero byte behind it
    size_t *sizes; // of them, without it
    int64_t count;
} prompts;

// The whole file as one prompt; "-" is standard input. Otherwise prints the error and returns the exit status.
int prompts_read_file(const char *path, prompts *out);
// A prompt for each line, without its end.
int prompts_read_lines(const char *path, prompts *out);
void prompts_free(prompts *p); // harmless on a zeroed one
