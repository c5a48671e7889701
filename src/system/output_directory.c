#include "system/output_directory.h"

#include "system/file.h"
#include "system/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// No other program uses this name. The file is the first to be created in the directory and the last to be removed: whenever a
// run is killed, what it leaves has the mark or is empty.
static const char unfinished[] = ".sigmoe-unfinished";

sigmoe_status output_directory_spares(
    const char *out, const char *input, const char *what, const char *choice) {
    char partial[PATH_CAPACITY];
    TRY(output_spares(out, input, what, choice));
    TRY(path_format(partial, "%s.partial", out));
    return output_spares(partial, input, what, choice);
}

sigmoe_status output_beside(const output_directory *d, const char *name, char path[PATH_CAPACITY]) {
    return path_format(path, d->inside ? "%s/" MARK_NAME "-%s" : "%s.%s", d->final, name);
}

static sigmoe_status keep_but_lock(void *context, int directory, const char *path, const char *name) {
    (void)context;
    return strcmp(name, unfinished) == 0 ? SIGMOE_OK : directory_remove_in(directory, path, name);
}

static sigmoe_status remove_contents(const output_directory *d) {
    int directory;
    TRY(directory_hold(d->partial, "remove", &directory));
    sigmoe_status status = directory_each(directory, d->partial, keep_but_lock, NULL);
    close(directory);
    return status;
}

// ---------------------------------------------------------------- beside the output: "<out>.partial"

static sigmoe_status note_entry(void *context, int directory, const char *path, const char *name) {
    (void)directory, (void)path, (void)name;
    *(bool *)context = false;
    return SIGMOE_OK;
}

static sigmoe_status find_if_ours(const output_directory *d, bool *ours) {
    struct stat about;
    int directory;
    *ours = false;
    if (lstat(d->partial, &about) != 0) return fail_errno("cannot read %s", d->partial);
    if (!S_ISDIR(about.st_mode)) return SIGMOE_OK;
    TRY(path_find(d->lock, ours));
    if (*ours) return SIGMOE_OK;
    TRY(directory_hold(d->partial, "read", &directory));
    *ours = true; // unless there is something in it
    sigmoe_status status = directory_each(directory, d->partial, note_entry, ours);
    close(directory);
    return status;
}

static sigmoe_status take_lock(output_directory *d) {
    bool ours = false;
    TRY(file_lock_open(d->lock, &d->descriptor));
    sigmoe_status status = SIGMOE_OK;
    if (file_lock_try(d->descriptor)) status = file_lock_check(d->descriptor, d->lock, &ours);
    if (ours) return SIGMOE_OK;
    close(d->descriptor);
    d->descriptor = -1;
    return status != SIGMOE_OK
               ? status
               : fail(SIGMOE_IO, "another process is writing %s: wait for it, or choose another output",
                     d->final);
}

// The lock goes last: as long as it is there, a later run knows whose directory this is.
static void abandon_beside(output_directory *d) {
    if (remove_contents(d) == SIGMOE_OK && unlink(d->lock) == 0) directory_unmake(d->partial, d->existed);
    close(d->descriptor);
}

static sigmoe_status begin_beside(output_directory *d) {
    snprintf(d->lock, sizeof d->lock, "%s/%s", d->partial, unfinished);
    bool ours = true;
    if (path_exists(d->partial)) TRY(find_if_ours(d, &ours));
    if (!ours)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s is in the way, and nothing that sigmoe left unfinished: move it away, or choose another "
            "output",
            d->partial);
    d->existed = directory_existing(d->partial);
    sigmoe_status status = directory_make(d->partial);
    if (status == SIGMOE_OK) status = take_lock(d);
    if (status == SIGMOE_OK) status = remove_contents(d);
    if (status == SIGMOE_OK) status = output_mark(d->partial, d->kind);
    if (status == SIGMOE_OK) return SIGMOE_OK;
    kept_failure failure = failure_keep(status);
    if (d->descriptor >= 0)
        abandon_beside(d);
    else
        directory_unmake(d->partial, d->existed);
    return failure_again(&failure);
}

static sigmoe_status take_name(const output_directory *d) {
    TRY(output_check(d->final, false)); // may have appeared meanwhile
    return directory_rename(d->partial, d->final);
}

// Once the mark is gone, no later run considers the directory removable.
static sigmoe_status finish_beside(output_directory *d) {
    file_remove(d->lock);
    close(d->descriptor);
    return take_name(d);
}

// ---------------------------------------------------------------- inside the output: "<out>/.sigmoe-partial"

static sigmoe_status begin_inside(output_directory *d, bool force) {
    TRY(place_enter(&d->place, d->final, force, NULL));
    sigmoe_status status = d->place.bare ? output_mark(d->final, d->kind) : SIGMOE_OK;
    if (status == SIGMOE_OK) status = directory_make(d->partial);
    if (status == SIGMOE_OK) status = remove_contents(d);
    return status == SIGMOE_OK ? status : place_settle(&d->place, status);
}

static sigmoe_status move_up(void *context, int directory, const char *path, const char *name) {
    const int *to = context;
    if (renameat(directory, name, *to, name) == 0) return SIGMOE_OK;
    return fail_errno("cannot move %s/%s", path, name);
}

static sigmoe_status move_down(void *context, int directory, const char *path, const char *name) {
    const int *to = context;
    (void)path;
    bool moved = !output_name_stays(name) && strcmp(name, MARK_NAME) != 0;
    if (moved) renameat(directory, name, *to, name);
    return SIGMOE_OK;
}

static sigmoe_status fill(int from, int to, const output_directory *d) {
    sigmoe_status status = directory_each(from, d->partial, move_up, &to);
    if (status == SIGMOE_OK) return directory_sync_names(to, d->final);
    kept_failure failure = failure_keep(status);
    directory_each(to, d->final, move_down, &from);
    return failure_again(&failure);
}

static sigmoe_status fill_place(const output_directory *d) {
    int from, to;
    TRY(directory_hold(d->final, "write", &to));
    sigmoe_status status = directory_hold(d->partial, "finish", &from);
    if (status == SIGMOE_OK) {
        status = fill(from, to, d);
        close(from);
    }
    close(to);
    return status;
}

static sigmoe_status sync_partial(const output_directory *d) {
    int directory;
    TRY(directory_hold(d->partial, "finish", &directory));
    sigmoe_status status = directory_sync_in(directory, d->partial);
    close(directory);
    return status;
}

static sigmoe_status finish_inside(output_directory *d) {
    sigmoe_status status = place_clear(&d->place, d->kind);
    if (status == SIGMOE_OK) status = fill_place(d);
    if (status != SIGMOE_OK) return place_settle(&d->place, status);
    TRY(directory_remove(d->partial));
    TRY(place_settle(&d->place, SIGMOE_OK));
    place_leave(&d->place);
    return SIGMOE_OK;
}

static void abandon_inside(output_directory *d) {
    directory_remove(d->partial);
    place_settle(&d->place, SIGMOE_IO);
}

// ---------------------------------------------------------------- begin and end

sigmoe_status output_begin(output_directory *d, const char *out, output_kind kind, bool force) {
    *d = (output_directory){.descriptor = -1, .kind = kind};
    TRY(path_format(d->final, "%s", out));
    TRY(output_check(out, force));
    d->inside = path_exists(out);
    TRY(output_beside(d, "partial", d->partial));
    return d->inside ? begin_inside(d, force) : begin_beside(d);
}

static sigmoe_status finish(output_directory *d) {
    sigmoe_status status = d->inside ? finish_inside(d) : finish_beside(d);
    if (status == SIGMOE_OK || !path_exists(d->partial)) return status;
    return fail(status, "%s; the result is whole, in %s", sigmoe_message(), d->partial);
}

sigmoe_status output_end(output_directory *d, sigmoe_status status) {
    if (status == SIGMOE_OK) status = sync_partial(d);
    if (status == SIGMOE_OK) return finish(d);
    kept_failure failure = failure_keep(status);
    if (d->inside)
        abandon_inside(d);
    else
        abandon_beside(d);
    return failure_again(&failure);
}
