// Runs gnuplot as a separate process to draw figures.
#pragma once

#include "base/status.h"

// Whether to draw: figures are wanted and gnuplot is installed. If it is not, the observer, which may be NULL, is told how to get it.
bool plot_ready(bool wanted, const sigmoe_observer *observer);
// Runs a gnuplot script of `size` bytes in `directory`; it names its outputs relative to that. If gnuplot fails, its own words
// become the message, after `name`, the figure's.
sigmoe_status plot_run(const char *directory, const char *name, const char *script, size_t size);
