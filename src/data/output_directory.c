#include "data/output_directory.h"

#include "formats/file_lock.h"

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Nobody else calls a file so. It is the first to come into the directory and the last to go, so that whenever a run is
// killed, what it leaves has the mark or is empty.
static const char mark[] = ".sigmoe-unfinished";
enum { OPEN_DIRECTORIES = 16 };

// ---------------------------------------------------------------- what is there

static bool is_ours(const output_directory *d) {
    struct stat about;
    bool empty, directory = lstat(d->partial, &about) == 0 && S_ISDIR(about.st_mode);
    if (!directory || path_exists(d->lock)) return directory;
    return directory_is_empty(d->partial, NULL, &empty) == SIGMOE_OK && empty;
}

// How much of `path` is there: the bytes of its longest part that exists.
static size_t existing_part(const char *path) {
    char part[PATH_CAPACITY];
    size_t length = strlen(path);
    memcpy(part, path, length + 1);
    while (length > 0 && !path_exists(part)) {
        char *slash = strrchr(part, '/');
        length = slash ? (size_t)(slash - part) : 0;
        part[length] = '\0';
    }
    return length;
}

static void remove_parents(const output_directory *d) {
    char part[PATH_CAPACITY];
    snprintf(part, sizeof part, "%s", d->partial);
    for (char *slash; (slash = strrchr(part, '/')) && (size_t)(slash - part) > d->existed;) {
        *slash = '\0';
        // Where something else has come into it, such as a download to go on with, it stays.
        if (rmdir(part) != 0 && errno != ENOENT) return;
    }
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place) {
    (void)about, (void)type;
    bool kept = place->level == 0 || (place->level == 1 && strcmp(path + place->base, mark) == 0);
    if (kept || remove(path) == 0) return 0;
    fail_errno("cannot remove %s", path);
    return -1;
}

static sigmoe_status remove_contents(const output_directory *d) {
    return nftw(d->partial, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) == 0 ? SIGMOE_OK
                                                                                       : SIGMOE_IO;
}

static sigmoe_status take_lock(output_directory *d) {
    TRY(file_lock_open(d->lock, &d->descriptor));
    if (file_lock_try(d->descriptor) && file_lock_stands(d->descriptor, d->lock)) return SIGMOE_OK;
    close(d->descriptor);
    return fail(SIGMOE_IO, "another process is writing %s: wait for it, or choose another output", d->final);
}

// ---------------------------------------------------------------- begin and end

bool output_holds(const char *out, const char *input, char place[PATH_CAPACITY]) {
    static const char *const ends[] = {"", ".partial"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (path_format(place, "%s%s", out, ends[i]) == SIGMOE_OK && path_inside(input, place)) return true;
    return false;
}

sigmoe_status output_begin(output_directory *d, const char *out) {
    *d = (output_directory){.descriptor = -1};
    TRY(path_format(d->final, "%s", out));
    TRY(path_format(d->partial, "%s.partial", out));
    TRY(path_format(d->lock, "%s/%s", d->partial, mark));
    if (path_exists(d->partial) && !is_ours(d))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s is in the way, and nothing that sigmoe left unfinished: move it away, or choose another "
            "output",
            d->partial);
    d->existed = existing_part(d->partial);
    sigmoe_status status = directory_make(d->partial);
    if (status == SIGMOE_OK) status = take_lock(d);
    if (status != SIGMOE_OK) {
        if (d->existed < strlen(d->partial)) rmdir(d->partial);
        remove_parents(d);
        return status;
    }
    status = remove_contents(d);
    if (status != SIGMOE_OK) close(d->descriptor);
    return status;
}

static sigmoe_status finish(output_directory *d, bool force) {
    char kept[PATH_CAPACITY];
    TRY(path_format(kept, "%s/%s", d->final, mark));
    TRY(output_claim(d->final, force));
    sigmoe_status status = directory_commit(d->partial, d->final);
    unlink(kept); // also where the directory was renamed but could not be synced
    if (status == SIGMOE_OK) close(d->descriptor);
    return status;
}

static void abandon(output_directory *d) {
    if (remove_contents(d) == SIGMOE_OK && unlink(d->lock) == 0 && rmdir(d->partial) == 0) remove_parents(d);
    close(d->descriptor);
}

sigmoe_status output_end(output_directory *d, sigmoe_status status, bool force) {
    if (status == SIGMOE_OK) status = finish(d, force);
    if (status == SIGMOE_OK) return SIGMOE_OK;
    char reason[1024]; // which cleaning up may overwrite
    snprintf(reason, sizeof reason, "%s", sigmoe_message());
    abandon(d);
    return fail(status, "%s", reason);
}
