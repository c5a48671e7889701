// Figures, drawn by gnuplot in a process of its own.
#pragma once

#include "base/status.h"

// Whether to draw: it is wanted, and gnuplot is there. Where it is not, the observer, which may be NULL, is told how to get it.
bool plot_ready(bool wanted, const sigmoe_observer *observer);
// Runs the gnuplot script `name` in `directory`, relative to which the script names its outputs. What gnuplot says on a
// failure becomes the sentence.
sigmoe_status plot_run(const char *directory, const char *name);
