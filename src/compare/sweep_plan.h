// What a sweep compares: the rows of one of the paper's tables, or of a file, on a base that overrides may have made smaller.
#pragma once

#include "config/config_file.h"

typedef struct sweep_plan {
    const char *name;           // "tab10-e8", or the file
    const char *base_name;      // the base's preset
    sigmoe_config base;         // with its overrides; nothing to free
    const char **variants;      // [count], as in compare
    double *published;          // [count] the paper's scores on the base before the overrides; NaN: none
    const char *published_unit; // of those scores
    int *row_seeds;             // [count] number of seeds of each row; 0: the sweep's
    int count, seeds;
    int64_t test_tokens; // of each split; 0: all; -1: a number that suits the training
} sweep_plan;
