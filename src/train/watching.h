#pragma once

#include <stdbool.h>

// What a run leaves for those who watch it. No bit of the training depends on it.
typedef struct run_watching {
    const char *sample_prompt; // continued at each validation; NULL: not
    bool tensorboard;          // event files, too
} run_watching;
