// A directory that the program uses exclusively: it is locked (DIR/.lock), and its old contents are set aside, in the directory
// itself, until their replacement has begun. So mount points, directories whose parent cannot be written, and directories
// reached through a link work like any other.
//
// The lock ends with the last process that holds it, the one that took it or those that it forked, however they end: a run
// whose parent was killed keeps its directory until it has saved. On file systems without locks nothing is locked.
#pragma once

#include "system/output_kind.h"

typedef struct taken_place {
    char path[PATH_CAPACITY];
    int lock;       // close it to release the directory
    size_t existed; // bytes of the part of the path that existed before
    bool bare;      // it had no contents to replace
    bool replaced;  // its old contents are set aside
} taken_place;

// Locks an existing directory for continuing in it; marks it if version 0.1.0 did not. If it is locked, waits a few seconds,
// then refuses; SIGMOE_INTERRUPTED if the stop flag is raised meanwhile. `observer` may be NULL. Restores contents that a
// killed process had only begun to replace, and removes files that it had only begun to write.
sigmoe_status place_lock(const char *path, output_kind kind, const sigmoe_observer *observer, int *lock);
void place_unlock(int lock); // -1 is allowed

// Makes or finds the directory, if output_check allows it, and locks it. Leaves its contents unchanged.
sigmoe_status place_enter(taken_place *p, const char *path, bool force, const sigmoe_observer *observer);
// Sets the contents aside and marks the directory.
sigmoe_status place_clear(taken_place *p, output_kind kind);
// place_enter, then place_clear.
sigmoe_status place_take(
    taken_place *p, const char *path, output_kind kind, bool force, const sigmoe_observer *observer);
// Ends what place_enter began. If `status` is SIGMOE_OK, the new contents have begun: removes what was set aside and keeps the
// lock. Otherwise restores and releases the directory; returns `status`, keeping its message.
sigmoe_status place_settle(taken_place *p, sigmoe_status status);
// Releases a directory that is no longer used, and removes its lock file.
void place_leave(taken_place *p);
