#pragma once

#include <stdbool.h>

// What a run does beside learning. No bit of the training depends on it, as long as its numbers are finite.
typedef struct run_watching {
    const char *sample_prompt; // continued at each validation; NULL: not
    bool tensorboard;          // event files, too
    const char *on_nonfinite;  // as in sigmoe_train_request; NULL: "stop"
} run_watching;
