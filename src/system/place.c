#include "system/place.h"

#include "base/observer.h"
#include "system/file.h"
#include "system/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MILLISECONDS = 50, MOST_WAITS = 100 };

// ---------------------------------------------------------------- the lock

static sigmoe_status in_use(const char *path) {
    return fail(SIGMOE_IO,
        "%s is in use by another process, perhaps a run of a killed one that still saves: try again when it "
        "has ended",
        path);
}

static sigmoe_status wait_for(int descriptor, const char *path, const sigmoe_observer *observer) {
    const struct timespec pause = {.tv_nsec = WAIT_MILLISECONDS * 1000000L};
    for (int waits = 0; !file_lock_try(descriptor); waits++) {
        if (observer_stops(observer))
            return fail(SIGMOE_INTERRUPTED, "stopped while %s was in use by another process", path);
        if (waits == MOST_WAITS) return in_use(path);
        nanosleep(&pause, NULL);
    }
    return SIGMOE_OK;
}

static sigmoe_status take_lock(const char *path, const sigmoe_observer *observer, int *lock) {
    char name[PATH_CAPACITY];
    int descriptor;
    TRY(path_format(name, "%s/" LOCK_NAME, path));
    TRY(file_lock_open(name, &descriptor));
    bool stands = false;
    sigmoe_status status = wait_for(descriptor, path, observer);
    if (status == SIGMOE_OK) status = file_lock_check(descriptor, name, &stands);
    if (status == SIGMOE_OK && !stands) status = in_use(path);
    if (status == SIGMOE_OK)
        *lock = descriptor;
    else
        close(descriptor);
    return status;
}

void place_unlock(int lock) {
    if (lock >= 0) close(lock);
}

// ---------------------------------------------------------------- setting aside and restoring

static sigmoe_status find(int directory, const char *path, const char *name, bool *there) {
    char whole[PATH_CAPACITY];
    TRY(path_format(whole, "%s/%s", path, name));
    return path_find_in(directory, name, whole, there);
}

static sigmoe_status remove_if_there(int directory, const char *path, const char *name) {
    bool there;
    TRY(find(directory, path, name, &there));
    return there ? directory_remove_in(directory, path, name) : SIGMOE_OK;
}

typedef struct move {
    int from, to;
} move;

static sigmoe_status move_entry(void *context, int directory, const char *path, const char *name) {
    const move *m = context;
    (void)directory;
    if (output_name_stays(name) || renameat(m->from, name, m->to, name) == 0) return SIGMOE_OK;
    return fail_errno("cannot move %s/%s", path, name);
}

// Moves the directory's contents into its subdirectory `name` or, if `up`, the other way round.
static sigmoe_status move_all(int directory, const char *path, const char *name, bool up) {
    int other = descriptor_open(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (other < 0) return fail_errno("cannot open %s/%s", path, name);
    move m = up ? (move){other, directory} : (move){directory, other};
    sigmoe_status status = directory_each(m.from, path, move_entry, &m);
    close(other);
    return status;
}

static sigmoe_status remove_entry(void *context, int directory, const char *path, const char *name) {
    const output_kind *kind = context;
    return output_owns(*kind, name) ? directory_remove_in(directory, path, name) : SIGMOE_OK;
}

// Removes only what the program wrote there; anything that others added meanwhile stays.
static sigmoe_status remove_new(int directory, const char *path) {
    output_kind kind = output_marked_in(directory);
    return directory_each(directory, path, remove_entry, &kind);
}

// Restores what was set aside and removes what had begun to replace it.
static sigmoe_status put_back(int directory, const char *path) {
    bool there;
    TRY(find(directory, path, REPLACED_NAME, &there));
    if (there) {
        TRY(remove_new(directory, path));
        if (renameat(directory, REPLACED_NAME, directory, REPLACING_NAME) != 0)
            return fail_errno("cannot rename %s/" REPLACED_NAME, path);
    }
    TRY(find(directory, path, REPLACING_NAME, &there));
    if (there) {
        TRY(move_all(directory, path, REPLACING_NAME, true));
        TRY(directory_remove_in(directory, path, REPLACING_NAME));
    }
    return SIGMOE_OK;
}

// The final name appears only when everything has been moved, so that each of the two names says what is beside it.
static sigmoe_status set_aside(int directory, const char *path) {
    if (mkdirat(directory, REPLACING_NAME, 0777) != 0) return fail_errno("cannot write in %s", path);
    TRY(move_all(directory, path, REPLACING_NAME, false));
    if (renameat(directory, REPLACING_NAME, directory, REPLACED_NAME) != 0)
        return fail_errno("cannot write in %s", path);
    return directory_sync_names(directory, path);
}

static sigmoe_status discard(int directory, const char *path) {
    if (renameat(directory, REPLACED_NAME, directory, REMOVED_NAME) != 0 && errno != ENOENT)
        return fail_errno("cannot remove %s/" REPLACED_NAME, path);
    return remove_if_there(directory, path, REMOVED_NAME);
}

// Calls `use` with the directory held.
static sigmoe_status in_directory(const char *path, sigmoe_status (*use)(int directory, const char *path)) {
    int directory;
    TRY(directory_hold(path, "write", &directory));
    sigmoe_status status = use(directory, path);
    close(directory);
    return status;
}

static sigmoe_status sweep_entry(void *context, int directory, const char *path, const char *name) {
    const output_kind *kind = context;
    (void)path;
    // If that fails, the next one tries again.
    if (output_half_written(*kind, name)) unlinkat(directory, name, 0);
    return SIGMOE_OK;
}

// Completes or undoes what a killed process left half done.
static sigmoe_status recover(int directory, const char *path) {
    output_kind unknown = OUTPUT_KINDS;
    TRY(directory_each(directory, path, sweep_entry, &unknown));
    TRY(remove_if_there(directory, path, REMOVED_NAME));
    return put_back(directory, path);
}

// Recovers the directory, marks it if it is not, and removes files that a killed process was writing: whoever has the lock is the
// only one who writes them.
static sigmoe_status go_on_in(const char *path, output_kind kind) {
    int directory;
    TRY(directory_hold(path, "write", &directory));
    sigmoe_status status = recover(directory, path);
    if (status == SIGMOE_OK && output_marked_in(directory) == OUTPUT_KINDS) status = output_mark(path, kind);
    if (status == SIGMOE_OK) status = directory_each(directory, path, sweep_entry, &kind);
    close(directory);
    return status;
}

sigmoe_status place_lock(const char *path, output_kind kind, const sigmoe_observer *observer, int *lock) {
    int descriptor = -1;
    TRY(take_lock(path, observer, &descriptor));
    sigmoe_status status = go_on_in(path, kind);
    if (status == SIGMOE_OK)
        *lock = descriptor;
    else
        place_unlock(descriptor);
    return status;
}

// ---------------------------------------------------------------- entering

static sigmoe_status enter(taken_place *p, bool force, const sigmoe_observer *observer) {
    TRY(directory_make(p->path));
    TRY(take_lock(p->path, observer, &p->lock));
    TRY(in_directory(p->path, recover));
    TRY(output_check(p->path, force)); // again: the lock's last holder may have left something
    return output_is_bare(p->path, &p->bare);
}

sigmoe_status place_enter(taken_place *p, const char *path, bool force, const sigmoe_observer *observer) {
    *p = (taken_place){.lock = -1};
    TRY(path_format(p->path, "%s", path));
    TRY(output_check(path, force));
    p->existed = directory_existing(path);
    sigmoe_status status = enter(p, force, observer);
    return status == SIGMOE_OK ? status : place_settle(p, status);
}

sigmoe_status place_clear(taken_place *p, output_kind kind) {
    if (!p->bare) {
        p->replaced = true; // at least in part
        TRY(in_directory(p->path, set_aside));
    }
    return output_mark(p->path, kind);
}

sigmoe_status place_take(
    taken_place *p, const char *path, output_kind kind, bool force, const sigmoe_observer *observer) {
    TRY(place_enter(p, path, force, observer));
    sigmoe_status status = place_clear(p, kind);
    return status == SIGMOE_OK ? status : place_settle(p, status);
}

// ---------------------------------------------------------------- leaving

void place_leave(taken_place *p) {
    char name[PATH_CAPACITY];
    if (p->lock < 0) return;
    if (path_format(name, "%s/" LOCK_NAME, p->path) == SIGMOE_OK) file_remove(name);
    place_unlock(p->lock);
    p->lock = -1;
}

static sigmoe_status undo(taken_place *p) {
    sigmoe_status status = SIGMOE_OK;
    if (p->replaced) {
        status = in_directory(p->path, put_back);
        place_unlock(p->lock);
        p->lock = -1;
    } else if (p->bare) {
        status = in_directory(p->path, remove_new);
        place_leave(p);
    } else {
        place_unlock(p->lock);
        p->lock = -1;
    }
    directory_unmake(p->path, p->existed);
    return status;
}

sigmoe_status place_settle(taken_place *p, sigmoe_status status) {
    if (status == SIGMOE_OK) return p->replaced ? in_directory(p->path, discard) : SIGMOE_OK;
    kept_failure failure = failure_keep(status);
    if (undo(p) == SIGMOE_OK || !p->replaced) return failure_again(&failure);
    return fail(status,
        "%s; what was there before is in %s/" REPLACED_NAME ", until somebody works there again",
        failure.sentence, p->path);
}
