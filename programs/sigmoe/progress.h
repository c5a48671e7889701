// Shows long work on stderr: one live line on a terminal, elsewhere a plain line about every ten seconds. Colour only on a
// terminal, and not when NO_COLOR is set.
#pragma once

#include "sigmoe.h"

typedef struct progress_display {
    bool terminal, colour;
    bool line_open;  // a live line stands on the terminal
    double shown_at; // seconds of the monotonic clock
    // The work is for standard output alone: it ends when nobody reads that any more. False at first.
    bool stop_unread;
} progress_display;

// Also catches the signals of signals.h: whoever shows progress can be asked to stop. `display` must outlive the observer.
sigmoe_observer progress_observer(progress_display *display, int threads);
// Ends the live line, so that what is printed next begins on its own.
void progress_close(progress_display *display);
