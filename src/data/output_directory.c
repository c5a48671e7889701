#include "data/output_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// Nobody else calls a file so. It is the first to come into the directory and the last to go, so that whenever a run is
// killed, what it leaves has the mark or is empty.
static const char mark[] = ".sigmoe-unfinished";
enum { OPEN_DIRECTORIES = 16 };

// ---------------------------------------------------------------- what is there

static bool is_empty(const char *directory) {
    DIR *entries = opendir(directory);
    if (!entries) return false;
    int count = 0;
    while (count <= 2 && readdir(entries)) count++;
    closedir(entries);
    return count <= 2; // . and ..
}

static bool is_ours(const output_directory *d) {
    struct stat about;
    bool directory = lstat(d->partial, &about) == 0 && S_ISDIR(about.st_mode);
    return directory && (path_exists(d->lock) || is_empty(d->partial));
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

// ---------------------------------------------------------------- the lock

// Another process may have finished with the file between our opening and our locking it.
static bool still_there(const output_directory *d) {
    struct stat opened, named;
    return fstat(d->descriptor, &opened) == 0 && lstat(d->lock, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static sigmoe_status take_lock(output_directory *d) {
    d->descriptor = open(d->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (d->descriptor < 0) return fail_errno("cannot write %s", d->lock);
    // A file system without locks is no reason to refuse the work.
    bool taken = flock(d->descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (taken && still_there(d)) return SIGMOE_OK;
    close(d->descriptor);
    return fail(SIGMOE_IO, "another process is writing %s: wait for it, or choose another output", d->final);
}

// ---------------------------------------------------------------- begin and end

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
