// Shows long work on stderr: one live line on a terminal, which nothing remains of in the end, otherwise a plain line about
// every ten seconds. Color only on a terminal, and not if NO_COLOR is set.
#pragma once

#include "sigmoe.h"

typedef struct progress_display {
    bool quiet, terminal, colour;
    bool line_open;  // the terminal shows a live line
    double shown_at; // seconds of the monotonic clock
    // The work is only for standard output: it stops when that has no reader any more. False at first.
    bool stop_unread;
} progress_display;

// Also catches the signals of signals.h: work that shows progress can be asked to stop. `display` must outlive the observer.
// If `quiet`, neither progress nor notes are shown.
sigmoe_observer progress_observer(progress_display *display, int threads, bool quiet);
// Removes the live line.
void progress_close(progress_display *display);
