// DIR/.lock: only one process, with those that it forks, works in a directory at a time. The lock ends with the last of them,
// however they end, so that a run whose parent was killed keeps its directory until it has saved.
#pragma once

#include "base/status.h"

#define PLACE_LOCK_NAME ".lock"

// Makes the file and takes the lock. Waits a few seconds where it is held, then refuses; SIGMOE_INTERRUPTED when the stop flag is
// raised meanwhile. On file systems without locks nothing is held. `observer` may be NULL.
sigmoe_status place_lock(const char *directory, const sigmoe_observer *observer, int *lock);
// For what begins anew: claims the directory (formats/file.h: output_claim), once whoever works there has ended, makes and locks it.
sigmoe_status place_take(const char *directory, bool force, const sigmoe_observer *observer, int *lock);
// As if taken and given back, for who wants to remove the directory; one that has no lock, or does not exist, is free.
sigmoe_status place_free(const char *directory, const sigmoe_observer *observer);
void place_unlock(int lock); // -1 is allowed
