// Runs gnuplot as a separate process to draw figures.
#pragma once

#include "base/status.h"

// Checks that gnuplot is installed; if not, the message says how to get it.
sigmoe_status plot_check(void);
// Runs the gnuplot script `name` in `directory`; the script names its outputs relative to it. If gnuplot fails, its own words
// become the message.
sigmoe_status plot_run(const char *directory, const char *name);
