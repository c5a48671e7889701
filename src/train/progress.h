// What long work tells its caller: at most ten times a second. Every function allows an observer that is NULL or silent.
#pragma once

#include "base/status.h"

typedef struct progress_meter {
    const sigmoe_observer *observer;
    sigmoe_progress shown; // task, unit, total; the fields for scores stay NaN unless the owner sets them
    double last_time, last_done;
} progress_meter;

void progress_begin(progress_meter *meter, const sigmoe_observer *observer, const char *task,
    const char *unit, double done, double total);
// Whether enough time has passed for another call; work that is costly to describe asks first.
bool progress_due(const progress_meter *meter);
// Tells that `done` units are done, if due; fills in rate and seconds left.
void progress_update(progress_meter *meter, double done);
void progress_end(progress_meter *meter, double done);

bool observer_stopped(const sigmoe_observer *observer);
void observer_note(const sigmoe_observer *observer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
double seconds_now(void); // of a clock that only goes forward
