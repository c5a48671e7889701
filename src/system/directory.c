#include "system/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELD = O_PATH | O_DIRECTORY }; // enough to look up names in it, even if it cannot be read

// ---------------------------------------------------------------- descriptors

// Files may stay open, such as a split's shards, and there may be more of them than the soft limit, often 1024, allows.
static bool raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int descriptor_open(int directory, const char *name, int flags) {
    int descriptor = openat(directory, name, flags | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EMFILE && raise_open_files())
        descriptor = openat(directory, name, flags | O_CLOEXEC, 0666);
    return descriptor;
}

// A directory that can be written but not read (a drop box) cannot be synced by a user without read permission.
sigmoe_status directory_sync_names(int directory, const char *path) {
    int descriptor = descriptor_open(directory, ".", O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) return errno == EACCES ? SIGMOE_OK : fail_errno("cannot sync %s to the disk", path);
    sigmoe_status status =
        fsync(descriptor) == 0 ? SIGMOE_OK : fail_errno("cannot sync %s to the disk", path);
    close(descriptor);
    return status;
}

sigmoe_status path_sync(const char *path) {
    int descriptor = descriptor_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0) return fail_errno("cannot open %s", path);
    sigmoe_status status =
        fsync(descriptor) == 0 ? SIGMOE_OK : fail_errno("cannot sync %s to the disk", path);
    close(descriptor);
    return status;
}

// ---------------------------------------------------------------- walking to a directory

typedef struct walk {
    const char *path;  // for error messages
    const char *doing; // likewise
    bool make;
    int at;    // the current directory
    int depth; // below the marked directory; -1: not in one
} walk;

static bool has_mark(int directory) {
    return path_exists_in(directory, MARK_NAME);
}

static int open_step(const walk *w, const char *name) {
    return descriptor_open(w->at, name, HELD | (w->depth >= 0 ? O_NOFOLLOW : 0));
}

static sigmoe_status refuse_step(const walk *w, const char *name, int length) {
    struct stat about;
    int error = errno;
    bool there = fstatat(w->at, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISLNK(about.st_mode) && w->depth >= 0)
        return fail(
            SIGMOE_IO, "%.*s is a symbolic link, and is not written through: remove it", length, w->path);
    if (there && w->make && (error == ENOTDIR || error == ENOENT))
        return fail(SIGMOE_IO, "cannot make the directory %s: a file of this name is in the way", w->path);
    errno = error;
    return fail_errno("cannot %s %s", w->doing, w->path);
}

// Steps into `name`, which ends `length` bytes into the path.
static sigmoe_status step(walk *w, const char *name, int length) {
    int next = open_step(w, name);
    if (next < 0 && errno == ENOENT && w->make) {
        bool made = mkdirat(w->at, name, 0777) == 0;
        if (made) TRY(directory_sync_names(w->at, w->path));
        if (made || errno == EEXIST) next = open_step(w, name);
    }
    if (next < 0) return refuse_step(w, name, length);
    if (w->at >= 0) close(w->at);
    w->at = next;
    if (w->depth >= 0)
        w->depth += strcmp(name, "..") == 0 ? -1 : strcmp(name, ".") != 0;
    else if (has_mark(next))
        w->depth = 0;
    return SIGMOE_OK;
}

// Walks along the first `length` bytes of the path; if 0, to the working directory.
static sigmoe_status walk_along(walk *w, size_t length) {
    char name[NAME_MAX + 1];
    w->at = descriptor_open(AT_FDCWD, length && *w->path == '/' ? "/" : ".", HELD);
    if (w->at < 0) return fail_errno("cannot %s %s", w->doing, w->path);
    w->depth = has_mark(w->at) ? 0 : -1;
    for (size_t i = 0; i < length;) {
        size_t size = strcspn(w->path + i, "/");
        if (size > length - i) size = length - i;
        if (size > NAME_MAX) {
            errno = ENAMETOOLONG;
            return fail_errno("cannot %s %s", w->doing, w->path);
        }
        memcpy(name, w->path + i, size);
        name[size] = '\0';
        i += size;
        if (size) TRY(step(w, name, (int)i));
        i++;
    }
    return SIGMOE_OK;
}

static sigmoe_status walk_to(walk *w, size_t length, int *descriptor) {
    w->at = -1;
    sigmoe_status status = walk_along(w, length);
    if (status == SIGMOE_OK)
        *descriptor = w->at;
    else if (w->at >= 0)
        close(w->at);
    return status;
}

sigmoe_status directory_hold(const char *path, const char *doing, int *descriptor) {
    return walk_to(&(walk){.path = path, .doing = doing}, strlen(path), descriptor);
}

sigmoe_status directory_hold_parent(const char *path, const char *doing, int *descriptor, const char **leaf) {
    *leaf = path_leaf(path);
    return walk_to(&(walk){.path = path, .doing = doing}, (size_t)(*leaf - path), descriptor);
}

sigmoe_status directory_make(const char *path) {
    int descriptor;
    TRY(walk_to(
        &(walk){.path = path, .doing = "make the directory", .make = true}, strlen(path), &descriptor));
    close(descriptor);
    return SIGMOE_OK;
}

size_t directory_existing(const char *path) {
    char part[PATH_CAPACITY];
    size_t length = strlen(path);
    if (length >= sizeof part) return length;
    memcpy(part, path, length + 1);
    while (length > 0 && !path_exists(part)) {
        char *slash = strrchr(part, '/');
        length = slash ? (size_t)(slash - part) : 0;
        part[length] = '\0';
    }
    return length;
}

void directory_unmake(const char *path, size_t existed) {
    char part[PATH_CAPACITY];
    snprintf(part, sizeof part, "%s", path);
    for (size_t length = strlen(part); length > existed;) {
        // A directory that something else has been put into meanwhile, such as a download to be resumed, remains.
        if (rmdir(part) != 0 && errno != ENOENT) return;
        char *slash = strrchr(part, '/');
        length = slash ? (size_t)(slash - part) : 0;
        part[length] = '\0';
    }
}

// ---------------------------------------------------------------- contents

static int keep_entry(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

sigmoe_status directory_each(int directory, const char *path, directory_use *use, void *context) {
    struct dirent **entries;
    sigmoe_status status = SIGMOE_OK;
    int found = scandirat(directory, ".", &entries, keep_entry, by_bytes);
    if (found < 0) return fail_errno("cannot list %s", path);
    for (int i = 0; i < found; i++) {
        if (status == SIGMOE_OK) status = use(context, directory, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

sigmoe_status directory_list(const char *path, arena *a, char ***names, int *count) {
    struct dirent **entries;
    int found = scandir(path, &entries, keep_entry, by_bytes);
    if (found < 0) return fail_errno("cannot list %s", path);
    sigmoe_status status = ARENA_NEW(a, *names, found);
    for (int i = 0; i < found; i++) {
        if (status == SIGMOE_OK && !((*names)[i] = arena_text(a, "%s", entries[i]->d_name)))
            status = SIGMOE_NO_MEMORY;
        free(entries[i]);
    }
    free(entries);
    *count = found;
    return status;
}

// Opens a directory inside one that is held, for reading its names.
static int open_below(int directory, const char *name) {
    return descriptor_open(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

static sigmoe_status remove_below(void *context, int directory, const char *path, const char *name) {
    (void)context;
    return directory_remove_in(directory, path, name);
}

sigmoe_status directory_remove_in(int directory, const char *path, const char *name) {
    char below[PATH_CAPACITY];
    if (unlinkat(directory, name, 0) == 0) return SIGMOE_OK;
    if (errno != EISDIR && errno != EPERM) return fail_errno("cannot remove %s/%s", path, name);
    int descriptor = open_below(directory, name);
    if (descriptor < 0) return fail_errno("cannot remove %s/%s", path, name);
    snprintf(below, sizeof below, "%s/%s", path, name);
    sigmoe_status status = directory_each(descriptor, below, remove_below, NULL);
    close(descriptor);
    TRY(status);
    return unlinkat(directory, name, AT_REMOVEDIR) == 0 ? SIGMOE_OK : fail_errno("cannot remove %s", below);
}

sigmoe_status directory_remove(const char *path) {
    char parent[PATH_CAPACITY];
    const char *leaf;
    int descriptor;
    if (!path_exists(path)) return fail_errno("cannot remove %s", path);
    TRY(directory_hold_parent(path, "remove", &descriptor, &leaf));
    sigmoe_status status = path_parent(path, parent);
    if (status == SIGMOE_OK) status = directory_remove_in(descriptor, parent, leaf);
    close(descriptor);
    return status;
}

static sigmoe_status sync_entry(void *context, int directory, const char *path, const char *name) {
    struct stat about;
    char below[PATH_CAPACITY];
    (void)context;
    snprintf(below, sizeof below, "%s/%s", path, name);
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("cannot sync %s to the disk", below);
    if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)) return SIGMOE_OK;
    int descriptor = descriptor_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return fail_errno("cannot sync %s to the disk", below);
    sigmoe_status status = SIGMOE_OK;
    if (S_ISDIR(about.st_mode))
        status = directory_sync_in(descriptor, below);
    else if (fsync(descriptor) != 0)
        status = fail_errno("cannot sync %s to the disk", below);
    close(descriptor);
    return status;
}

sigmoe_status directory_sync_in(int directory, const char *path) {
    TRY(directory_each(directory, path, sync_entry, NULL));
    return directory_sync_names(directory, path);
}

sigmoe_status directory_rename(const char *partial, const char *final) {
    const char *from, *to;
    int source, target;
    TRY(directory_hold_parent(partial, "finish", &source, &from));
    sigmoe_status status = directory_hold_parent(final, "write", &target, &to);
    if (status == SIGMOE_OK) {
        if (renameat(source, from, target, to) != 0)
            status = fail_errno("cannot rename %s to %s", partial, final);
        else
            status = directory_sync_names(target, final);
        close(target);
    }
    close(source);
    return status;
}

sigmoe_status directory_commit(const char *partial, const char *final) {
    int descriptor;
    TRY(directory_hold(partial, "finish", &descriptor));
    sigmoe_status status = directory_sync_in(descriptor, partial);
    close(descriptor);
    return status == SIGMOE_OK ? directory_rename(partial, final) : status;
}
