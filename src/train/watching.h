#pragma once

// What a run leaves for those who watch it. No bit of the training depends on it.
typedef struct run_watching {
    const char *sample_prompt; // continued at each validation; NULL: not
} run_watching;
