// Notes to the observer of long-running work.
#pragma once

#include "base/status.h"

// `observer` and its `note` may be NULL: then this does nothing.
void note_format(const sigmoe_observer *observer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
