#include "formats/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPEN_DIRECTORIES = 16, // descriptors that a walk through a tree may hold
    PARTIAL_NAMES = 1000,
};

static sigmoe_status too_long(const char *path) {
    return fail(SIGMOE_BAD_ARGUMENT, "the path %.60s... is longer than %d bytes", path, PATH_CAPACITY - 1);
}

// "data/" and "train.bin" make "data//train.bin", which reads as if something were missing.
static void join_slashes(char *path) {
    char *end = path;
    for (const char *c = path; *c; c++)
        if (*c != '/' || end == path || end[-1] != '/') *end++ = *c;
    *end = '\0';
}

sigmoe_status path_format(char path[PATH_CAPACITY], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_CAPACITY, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= PATH_CAPACITY) return too_long(path);
    join_slashes(path);
    return SIGMOE_OK;
}

sigmoe_status path_sync(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno("cannot open %s", path);
    sigmoe_status status =
        fsync(descriptor) == 0 ? SIGMOE_OK : fail_errno("cannot sync %s to the disk", path);
    close(descriptor);
    return status;
}

sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name) {
    TRY(path_format(path, "%s", name));
    size_t length = strlen(path);
    while (length > 1 && (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/')))
        path[--length] = '\0';
    return length ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "an empty path names no directory");
}

sigmoe_status path_parent(const char *path, char parent[PATH_CAPACITY]) {
    TRY(path_format(parent, "%s", path));
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/') parent[--length] = '\0';
    char *slash = strrchr(parent, '/');
    if (!slash) return path_format(parent, ".");
    slash[slash == parent] = '\0'; // the root keeps its slash
    return SIGMOE_OK;
}

const char *path_leaf(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// A directory that may be written but not read, as drop boxes are, cannot be synced by whom it is closed to.
static sigmoe_status sync_parent(const char *path) {
    char parent[PATH_CAPACITY];
    TRY(path_parent(path, parent));
    if (access(parent, R_OK) != 0 && errno == EACCES) return SIGMOE_OK;
    return path_sync(parent);
}

sigmoe_status file_replaceable(const char *path) {
    struct stat about;
    if (lstat(path, &about) != 0) return errno == ENOENT ? SIGMOE_OK : fail_errno("cannot write %s", path);
    if (S_ISREG(about.st_mode)) return SIGMOE_OK;
    const char *kind = S_ISDIR(about.st_mode)   ? "a directory"
                       : S_ISLNK(about.st_mode) ? "a symbolic link"
                                                : "a device or a pipe";
    return fail(
        SIGMOE_IO, "cannot write %s: it is %s, which is not replaced; choose another name", path, kind);
}

// Where files stay open, as the shards of a split do, there may be more of them than the soft limit, often 1024, allows.
static bool raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static int open_one(const char *path, int flags) {
    int descriptor = open(path, flags | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EMFILE && raise_open_files())
        descriptor = open(path, flags | O_CLOEXEC, 0666);
    return descriptor;
}

// A name that nothing has yet: whatever stands beside the file, a link as well as another process's part, stays as it is.
static int open_partial(file_writer *w) {
    for (int i = 0;; i++) {
        snprintf(
            w->partial_path, sizeof w->partial_path, "%s.%ld-%d.partial", w->final_path, (long)getpid(), i);
        int descriptor = open_one(w->partial_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
        if (descriptor >= 0 || errno != EEXIST || i == PARTIAL_NAMES) return descriptor;
    }
}

sigmoe_status file_writer_open(file_writer *w, const char *path) {
    *w = (file_writer){0};
    if (strlen(path) >= sizeof w->final_path) return too_long(path);
    snprintf(w->final_path, sizeof w->final_path, "%s", path);
    TRY(file_replaceable(path));
    int descriptor = open_partial(w);
    if (descriptor < 0) return fail_errno("cannot write %s", path);
    w->stream = fdopen(descriptor, "wb");
    if (w->stream) return SIGMOE_OK;
    fail_errno("cannot write %s", path);
    close(descriptor);
    unlink(w->partial_path);
    return SIGMOE_IO;
}

void file_writer_abandon(file_writer *w) {
    if (!w->stream) return;
    fclose(w->stream);
    w->stream = NULL;
    unlink(w->partial_path);
}

sigmoe_status file_writer_write(file_writer *w, const void *bytes, size_t count) {
    if (count == 0 || fwrite(bytes, 1, count, w->stream) == count) return SIGMOE_OK;
    return fail_errno("cannot write %s", w->final_path);
}

sigmoe_status file_writer_commit(file_writer *w) {
    sigmoe_status status = SIGMOE_OK;
    if (fflush(w->stream) != 0 || fsync(fileno(w->stream)) != 0)
        status = fail_errno("cannot write %s", w->final_path);
    // Again: what stands there may have come since, and a token_writer chooses the name at the end.
    if (status == SIGMOE_OK) status = file_replaceable(w->final_path);
    if (status != SIGMOE_OK) {
        file_writer_abandon(w);
        return status;
    }
    int closed = fclose(w->stream);
    w->stream = NULL;
    if (closed != 0 || rename(w->partial_path, w->final_path) != 0) {
        fail_errno("cannot write %s", w->final_path);
        unlink(w->partial_path);
        return SIGMOE_IO;
    }
    return sync_parent(w->final_path);
}

sigmoe_status file_open(const char *path, int *descriptor, int64_t *size) {
    // Not blocking: a pipe without a writer must not hang, it is refused below.
    int opened = open_one(path, O_RDONLY | O_NONBLOCK);
    if (opened < 0) return fail_errno("cannot read %s", path);
    struct stat about;
    sigmoe_status status = SIGMOE_OK;
    if (fstat(opened, &about) != 0)
        status = fail_errno("cannot read %s", path);
    else if (S_ISDIR(about.st_mode))
        status = fail(SIGMOE_IO, "cannot read %s: it is a directory, a file is needed", path);
    else if (!S_ISREG(about.st_mode))
        status = fail(SIGMOE_IO, "cannot read %s: it is not a regular file", path);
    if (status != SIGMOE_OK) {
        close(opened);
        return status;
    }
    *descriptor = opened;
    *size = about.st_size;
    return SIGMOE_OK;
}

sigmoe_status file_map_open(const char *path, file_map *map) {
    int descriptor = -1;
    int64_t size = 0;
    *map = (file_map){0};
    TRY(file_open(path, &descriptor, &size));
    sigmoe_status status = SIGMOE_OK;
    if (size > 0) {
        void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED)
            status = fail_errno("cannot map %s into memory", path);
        else
            *map = (file_map){bytes, (size_t)size};
    }
    close(descriptor);
    return status;
}

void file_map_close(file_map *map) {
    if (map->bytes) munmap((void *)map->bytes, map->size);
    *map = (file_map){0};
}

bool path_exists(const char *path) {
    struct stat about;
    return lstat(path, &about) == 0;
}

static sigmoe_status make_one(const char *path) {
    struct stat about;
    if (mkdir(path, 0777) == 0) return sync_parent(path);
    if (errno != EEXIST) return fail_errno("cannot make the directory %s", path);
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return SIGMOE_OK;
    return fail(SIGMOE_IO, "cannot make the directory %s: a file of this name is in the way", path);
}

sigmoe_status directory_make(const char *path) {
    char part[PATH_CAPACITY];
    TRY(path_format(part, "%s", path));
    for (char *slash = strchr(part + (*part != '\0'), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        TRY(make_one(part));
        *slash = '/';
    }
    return make_one(part);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place) {
    (void)about, (void)type, (void)place;
    if (remove(path) == 0) return 0;
    fail_errno("cannot remove %s", path);
    return -1;
}

sigmoe_status directory_remove(const char *path) {
    if (!path_exists(path)) return fail_errno("cannot remove %s", path);
    // Not following links: what they point to is not ours.
    return nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) == 0 ? SIGMOE_OK : SIGMOE_IO;
}

static int sync_entry(const char *path, const struct stat *about, int type, struct FTW *place) {
    (void)about, (void)place;
    bool ours = type == FTW_F || type == FTW_D || type == FTW_DP;
    return ours && path_sync(path) != SIGMOE_OK ? -1 : 0;
}

sigmoe_status directory_commit(const char *partial, const char *final) {
    if (!path_exists(partial)) return fail_errno("cannot finish %s", partial);
    if (nftw(partial, sync_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0) return SIGMOE_IO;
    if (rename(partial, final) != 0) return fail_errno("cannot rename %s to %s", partial, final);
    return sync_parent(final);
}

static int keep_entry(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
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

sigmoe_status directory_is_empty(const char *path, const char *but, bool *empty) {
    arena *a;
    char **names;
    int count = 0;
    TRY(arena_create("directory", &a));
    sigmoe_status status = directory_list(path, a, &names, &count);
    *empty = status == SIGMOE_OK && (count == 0 || (count == 1 && but && strcmp(names[0], but) == 0));
    arena_destroy(a);
    return status;
}

bool path_inside(const char *inner, const char *outer) {
    char child[PATH_CAPACITY], parent[PATH_CAPACITY];
    if (!realpath(inner, child) || !realpath(outer, parent)) return false;
    size_t length = strlen(parent);
    if (length == 1) return true; // the root
    return strncmp(parent, child, length) == 0 && (child[length] == '/' || child[length] == '\0');
}

bool file_inside(const char *name, const char *directory) {
    struct stat about;
    return name && stat(name, &about) == 0 && S_ISREG(about.st_mode) && path_inside(name, directory);
}

sigmoe_status output_claim(const char *path, bool force) {
    if (*path == '\0') return fail(SIGMOE_BAD_ARGUMENT, "the output's name is empty");
    if (strcmp(path_leaf(path), "..") == 0)
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no name for an output: end it in a name", path);
    if (!path_exists(path)) return SIGMOE_OK;
    if (!force)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s exists already: choose another name, or add --force to replace it", path);
    // "--force --out ." must not empty the user's project.
    if (path_inside(".", path))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s holds the working directory and is not replaced: choose another name", path);
    return directory_remove(path);
}
