// Figures, drawn by gnuplot in a process of its own.
#pragma once

#include "base/status.h"

// Whether gnuplot is there; if not, the sentence says how to get it.
sigmoe_status plot_check(void);
// Runs the gnuplot script `name` in `directory`, relative to which the script names its outputs. What gnuplot says on a
// failure becomes the sentence.
sigmoe_status plot_run(const char *directory, const char *name);
