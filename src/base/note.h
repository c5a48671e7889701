// A line for the listener of long work.
#pragma once

#include "base/status.h"

// `observer`, and its note, may be NULL: then nobody listens.
void note_format(const sigmoe_observer *observer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
