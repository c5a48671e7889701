// A directory that the program works in, alone: it is locked (DIR/.lock), and what was there before stands aside, in the
// directory itself, until what takes its place has begun. So a mount point, a directory whose parent cannot be written, and
// one that a link leads to are worked in like others.
//
// The lock ends with the last process that holds it, the taker or those that it forked, however they end, so that a run whose
// parent was killed keeps its directory until it has saved. On file systems without locks nothing is held.
#pragma once

#include "system/output_kind.h"

typedef struct taken_place {
    char path[PATH_CAPACITY];
    int lock;       // close it to give the place back
    size_t existed; // bytes of the path: the part of it that was there before
    bool bare;      // there was nothing in it to replace
    bool replaced;  // what was in it stands aside
} taken_place;

// Locks a directory that exists, for going on in it; marks it where 0.1.0 did not. Waits a few seconds where it is held, then
// refuses; SIGMOE_INTERRUPTED when the stop flag is raised meanwhile. `observer` may be NULL. What a killed process had only
// begun to replace is put back.
sigmoe_status place_lock(const char *path, output_kind kind, const sigmoe_observer *observer, int *lock);
void place_unlock(int lock); // -1 is allowed

// Makes or finds the directory, if output_check allows it, and locks it. What is in it stays as it is.
sigmoe_status place_enter(taken_place *p, const char *path, bool force, const sigmoe_observer *observer);
// Sets aside what is in it, and marks it.
sigmoe_status place_clear(taken_place *p, output_kind kind);
// Both.
sigmoe_status place_take(
    taken_place *p, const char *path, output_kind kind, bool force, const sigmoe_observer *observer);
// Ends what place_enter began. `status` SIGMOE_OK: the new has begun, and what was set aside is removed; the lock stays. Else
// the place is as it was before and given back; returns the status, its sentence kept.
sigmoe_status place_settle(taken_place *p, sigmoe_status status);
// Gives back a place that is not worked in any more, its lock file removed.
void place_leave(taken_place *p);
