// Tells an observer how far a long piece of work is, a few times a second, and hears whether to stop.
#pragma once

#include "base/status.h"

typedef struct progress_meter {
    const sigmoe_observer *observer; // NULL: nobody watches
    sigmoe_progress state;
    double started, reported; // seconds of the monotonic clock
    double first;             // what was done already at the start
} progress_meter;

// `task` and `unit` are borrowed until progress_end; total NaN: unknown.
void progress_begin(progress_meter *m, const sigmoe_observer *observer, const char *task, const char *unit,
    double done, double total);
// SIGMOE_INTERRUPTED when the observer asks to stop.
sigmoe_status progress_at(progress_meter *m, double done);
void progress_end(progress_meter *m);

// A line for whoever watches; nobody may.
void progress_note(const sigmoe_observer *observer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
