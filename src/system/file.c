#include "system/file.h"

#include "base/text_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTIAL_NAMES = 1000 };

// ---------------------------------------------------------------- checks

static const char *kind_of(mode_t mode) {
    return S_ISDIR(mode) ? "a directory" : S_ISLNK(mode) ? "a symbolic link" : "a device or a pipe";
}

static sigmoe_status replaceable_in(int directory, const char *name, const char *path) {
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? SIGMOE_OK : fail_errno("cannot write %s", path);
    if (S_ISREG(about.st_mode)) return SIGMOE_OK;
    return fail(SIGMOE_IO,
        "cannot write %s: it is %s, which is not replaced; remove it, or choose another name", path,
        kind_of(about.st_mode));
}

static sigmoe_status with_parent(
    const char *path, sigmoe_status (*use)(int directory, const char *name, const char *path)) {
    const char *name;
    int directory;
    TRY(directory_hold_parent(path, "write", &directory, &name));
    sigmoe_status status = use(directory, name, path);
    close(directory);
    return status;
}

sigmoe_status file_replaceable(const char *path) {
    return with_parent(path, replaceable_in);
}

static sigmoe_status check_appendable(const struct stat *about, const char *path) {
    if (S_ISLNK(about->st_mode))
        return fail(SIGMOE_IO, "%s is a symbolic link, and is not written through: remove it", path);
    if (!S_ISREG(about->st_mode))
        return fail(SIGMOE_IO, "%s is %s, and no file to write to: remove it", path, kind_of(about->st_mode));
    if (about->st_nlink <= 1) return SIGMOE_OK;
    return fail(SIGMOE_IO,
        "%s has %lld names (hard links), and what is written to it would show under all: put a copy in its "
        "place",
        path, (long long)about->st_nlink);
}

static sigmoe_status appendable_in(int directory, const char *name, const char *path) {
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0) return check_appendable(&about, path);
    return errno == ENOENT ? SIGMOE_OK : fail_errno("cannot write %s", path);
}

sigmoe_status file_appendable(const char *path) {
    return with_parent(path, appendable_in);
}

// ---------------------------------------------------------------- atomic writing

// Uses an unused name, so that whatever is beside the file, be it a link or another process's partial file, is not touched.
static int open_partial(file_writer *w, int directory) {
    for (int i = 0;; i++) {
        snprintf(
            w->partial_path, sizeof w->partial_path, "%s.%ld-%d.partial", w->final_path, (long)getpid(), i);
        int descriptor =
            descriptor_open(directory, path_leaf(w->partial_path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
        if (descriptor >= 0 || errno != EEXIST || i == PARTIAL_NAMES) return descriptor;
    }
}

static sigmoe_status open_stream(file_writer *w, int directory, const char *name) {
    TRY(replaceable_in(directory, name, w->final_path));
    int descriptor = open_partial(w, directory);
    if (descriptor < 0) return fail_errno("cannot write %s", w->final_path);
    w->stream = fdopen(descriptor, "wb");
    if (w->stream) return SIGMOE_OK;
    fail_errno("cannot write %s", w->final_path);
    close(descriptor);
    unlinkat(directory, path_leaf(w->partial_path), 0);
    return SIGMOE_IO;
}

sigmoe_status file_writer_open(file_writer *w, const char *path) {
    const char *name;
    int directory;
    *w = (file_writer){0};
    TRY(path_format(w->final_path, "%s", path));
    TRY(directory_hold_parent(path, "write", &directory, &name));
    sigmoe_status status = open_stream(w, directory, name);
    close(directory);
    return status;
}

void file_writer_abandon(file_writer *w) {
    if (!w->stream) return;
    fclose(w->stream);
    w->stream = NULL;
    file_remove(w->partial_path);
}

sigmoe_status file_writer_write(file_writer *w, const void *bytes, size_t count) {
    if (count == 0 || fwrite(bytes, 1, count, w->stream) == count) return SIGMOE_OK;
    return fail_errno("cannot write %s", w->final_path);
}

static sigmoe_status take_name(const file_writer *w, int directory, const char *name) {
    // Checked again: something may have appeared there, and a token_writer chooses the name only at the end.
    TRY(replaceable_in(directory, name, w->final_path));
    if (renameat(directory, path_leaf(w->partial_path), directory, name) != 0)
        return fail_errno("cannot write %s", w->final_path);
    return directory_sync_names(directory, w->final_path);
}

sigmoe_status file_writer_commit(file_writer *w) {
    const char *name;
    int directory;
    sigmoe_status status = SIGMOE_OK;
    if (fflush(w->stream) != 0 || fsync(fileno(w->stream)) != 0)
        status = fail_errno("cannot write %s", w->final_path);
    int closed = fclose(w->stream);
    w->stream = NULL;
    if (status == SIGMOE_OK && closed != 0) status = fail_errno("cannot write %s", w->final_path);
    if (status == SIGMOE_OK) status = directory_hold_parent(w->final_path, "write", &directory, &name);
    if (status == SIGMOE_OK) {
        status = take_name(w, directory, name);
        close(directory);
    }
    if (status != SIGMOE_OK) file_remove(w->partial_path); // no effect if it was renamed but not synced
    return status;
}

sigmoe_status file_writer_end(file_writer *w, sigmoe_status status) {
    if (status == SIGMOE_OK) return file_writer_commit(w);
    file_writer_abandon(w);
    return status;
}

sigmoe_status file_write(const char *path, const void *bytes, size_t count) {
    file_writer w;
    TRY(file_writer_open(&w, path));
    return file_writer_end(&w, file_writer_write(&w, bytes, count));
}

sigmoe_status file_print(const char *path, file_contents *print, const void *context) {
    text_stream stream;
    TRY(text_stream_open(&stream));
    sigmoe_status status = print(stream.out, context), closed = text_stream_close(&stream);
    if (status == SIGMOE_OK) status = closed;
    if (status == SIGMOE_OK) status = file_write(path, stream.text, stream.size);
    free(stream.text);
    return status;
}

// ---------------------------------------------------------------- appended to

static sigmoe_status stream_of(int descriptor, const char *path, FILE **stream) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) return fail_errno("cannot write %s", path);
    TRY(check_appendable(&about, path));
    *stream = fdopen(descriptor, "ab");
    return *stream ? SIGMOE_OK : fail_errno("cannot write %s", path);
}

sigmoe_status file_append(const char *path, FILE **stream) {
    const char *name;
    int directory;
    *stream = NULL;
    TRY(directory_hold_parent(path, "write", &directory, &name));
    sigmoe_status status = appendable_in(directory, name, path);
    int descriptor = -1;
    if (status == SIGMOE_OK) {
        descriptor =
            descriptor_open(directory, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
        status = descriptor < 0 ? fail_errno("cannot write %s", path) : stream_of(descriptor, path, stream);
    }
    close(directory);
    if (status != SIGMOE_OK && descriptor >= 0) close(descriptor);
    return status;
}

// ---------------------------------------------------------------- names

sigmoe_status file_rename(const char *from, const char *to) {
    const char *name;
    int directory;
    TRY(directory_hold_parent(to, "write", &directory, &name));
    sigmoe_status status = replaceable_in(directory, name, to);
    if (status == SIGMOE_OK && renameat(directory, path_leaf(from), directory, name) != 0)
        status = fail_errno("cannot rename %s to %s", from, to);
    close(directory);
    return status;
}

static sigmoe_status remove_in(int directory, const char *name, const char *path) {
    (void)path;
    unlinkat(directory, name, 0);
    return SIGMOE_OK;
}

// Often after a failure, whose sentence stays.
void file_remove(const char *path) {
    kept_failure before = failure_keep(SIGMOE_OK);
    with_parent(path, remove_in);
    failure_again(&before);
}

// ---------------------------------------------------------------- reading

sigmoe_status file_open(const char *path, int *descriptor, int64_t *size) {
    // Non-blocking: a pipe without a writer, refused below, must not hang.
    int opened = descriptor_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
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

sigmoe_status file_read_at(int descriptor, const char *path, int64_t offset, size_t size, void *out) {
    for (unsigned char *to = out; size > 0;) {
        ssize_t got = pread(descriptor, to, size, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read %s", path);
        if (got == 0)
            return fail(SIGMOE_BAD_FORMAT, "%s ends at byte %lld: it was cut short while it was read", path,
                (long long)offset);
        to += got;
        offset += got;
        size -= (size_t)got;
    }
    return SIGMOE_OK;
}

static sigmoe_status read_whole(int descriptor, const char *path, size_t size, file_map *map) {
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) return fail(SIGMOE_NO_MEMORY, "no memory for the %zu bytes of %s", size, path);
    *map = (file_map){bytes, size};
    sigmoe_status status = file_read_at(descriptor, path, 0, size, bytes);
    if (status != SIGMOE_OK) file_map_close(map);
    return status;
}

sigmoe_status file_map_open_up_to(const char *path, int64_t most, file_map *map) {
    int descriptor = -1;
    int64_t size = 0;
    sigmoe_status status = SIGMOE_OK;
    *map = (file_map){0};
    TRY(file_open(path, &descriptor, &size));
    if (size > most)
        status = fail(SIGMOE_BAD_FORMAT, "%s: %lld bytes, more than the %lld that such a file may have", path,
            (long long)size, (long long)most);
    else if (size > 0)
        status = read_whole(descriptor, path, (size_t)size, map);
    close(descriptor);
    return status;
}

sigmoe_status file_map_open(const char *path, file_map *map) {
    return file_map_open_up_to(path, FILE_MAP_MOST, map);
}

void file_map_close(file_map *map) {
    if (map->bytes) munmap((void *)map->bytes, map->size);
    *map = (file_map){0};
}
