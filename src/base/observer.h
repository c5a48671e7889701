// What whoever watches long work asks of it. The observer, and its flags, may be NULL: then nothing.
#pragma once

#include "base/status.h"

#include <stdatomic.h>

// Signal handlers write flags, and C++ sees them as the int that they are.
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && sizeof(sigmoe_flag) == sizeof(int), "flags are lock-free ints");

static inline bool observer_stops(const sigmoe_observer *observer) {
    return observer && observer->stop && atomic_load(observer->stop) != 0;
}

// How often saving was asked for, modulo the numbers of an int.
static inline int observer_saves(const sigmoe_observer *observer) {
    return observer && observer->save ? atomic_load(observer->save) : 0;
}

// One that shows nothing, for a process beside another that tells what happens.
static inline sigmoe_observer observer_quiet(const sigmoe_observer *observer) {
    sigmoe_observer quiet = observer ? *observer : (sigmoe_observer){0};
    quiet.progress = NULL;
    quiet.note = NULL;
    return quiet;
}
