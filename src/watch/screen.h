// What `sigmoe watch` shows of a run.
#pragma once

#include "watch/run_series.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum run_state { RUN_TRAINING, RUN_STOPPED, RUN_DONE } run_state;

typedef struct run_screen {
    const char *name; // as the user named the run
    const run_series *series;
    run_state state;
    int64_t steps;       // of the whole run
    int64_t step_tokens; // of a step; 0: unknown
    int columns, lines;  // at most; lines 0: as many as it takes
    bool color;
} run_screen;

// Texts from the run's files are printable in what is printed.
void screen_print(FILE *out, const run_screen *s);
