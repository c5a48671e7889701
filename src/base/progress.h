// Reports the progress of long-running work to an observer, a few times a second, and asks it whether to stop.
#pragma once

#include "base/status.h"

typedef struct progress_meter {
    const sigmoe_observer *observer; // may be NULL
    sigmoe_progress state;
    double started, reported; // seconds of the monotonic clock
    double first;             // how much was done at the start
} progress_meter;

// `task` and `unit` are borrowed until progress_end; a NaN total means unknown.
void progress_begin(progress_meter *m, const sigmoe_observer *observer, const char *task, const char *unit,
    double done, double total);
// SIGMOE_INTERRUPTED when the observer asks to stop.
sigmoe_status progress_at(progress_meter *m, double done);
void progress_end(progress_meter *m);

// Sends a note to the observer, if there is one.
void progress_note(const sigmoe_observer *observer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
