// What a sweep compares: the rows of one of the paper's tables, or of a file, on a base that overrides may have made smaller.
#pragma once

#include "train/config_file.h"

typedef struct sweep_plan {
    const char *name;      // "tab10-e8", or the file
    const char *base_name; // the base's preset
    sigmoe_config base;    // with its overrides; nothing to free
    const char **variants; // [count], as compare takes them
    double *published;     // [count] the paper's scores on the base as it was before the overrides; NaN: none
    const char *published_unit; // of those
    int *row_seeds;             // [count] how many seeds a row has; 0: as many as the sweep
    int count, seeds;
    int64_t test_tokens; // of each split, 0: all; -1: as many as suit the training
} sweep_plan;

// All texts live in the arena. Overrides are "key=value" and apply to the base before its rows are derived.
sigmoe_status sweep_plan_make(
    const char *table, const char *const *overrides, int override_count, arena *a, sweep_plan *out);

// The two sources of a plan without its overrides: a table's name, and a JSON file.
sigmoe_status sweep_table_read(const char *name, arena *a, sweep_plan *out);
sigmoe_status sweep_file_read(const char *path, arena *a, sweep_plan *out);
// Fills base, base_name and published_unit from the preset of a σ-MoE.
sigmoe_status sweep_base_read(const char *preset_name, arena *a, sweep_plan *out);
