// Divides files among the splits, each as a whole.
#pragma once

#include "base/arena.h"
#include "data/dataset_meta.h"

typedef struct file_split {
    int count;
    int *
        order; // [count], the files as they follow each other: shuffled, those of train first, then valid, then test
    int64_t starts[SPLITS + 1]; // of the splits in that text, in bytes; [SPLITS] is its end
    int files[SPLITS];
} file_split;

// Shuffles the files, always in the same way for the same number of files with text, then gives valid and test each as near to 5 % of all bytes as
// whole files allow, and at least one that is not empty if there are enough.
sigmoe_status split_files(const int64_t *bytes, int count, arena *a, file_split *out);
// Whether no split is empty.
bool split_files_suffice(const file_split *s);
// Whether valid and test each have between half of their 5 % and twice as much.
bool split_files_fit(const file_split *s);
