// The runs that a plot shows.
#pragma once

#include "watch/run_series.h"

typedef struct plotted_run {
    const char *name; // fit to be shown
    run_series series;
} plotted_run;

enum { MOST_PLOTTED_RUNS = 64 };
typedef struct plotted_runs {
    arena *arena;
    int count;
    plotted_run run[MOST_PLOTTED_RUNS];
} plotted_runs;

// Each path is a run, or a comparison or sweep, of which all runs that have begun are taken. To be closed also after a failure.
sigmoe_status plotted_runs_read(plotted_runs *r, const char *const *paths, int count);
void plotted_runs_close(plotted_runs *r);
// The steps of the longest.
int64_t plotted_runs_steps(const plotted_runs *r);
