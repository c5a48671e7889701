// The Collaborative International Dictionary of English, from Debian's package dict-gcide. The package is only unpacked:
// installing it would bring a dictionary server. The text is mostly ASCII with a few stray bytes above; the bytes are used
// unchanged.
#include "base/progress.h"
#include "prepare/archive/archive.h"
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/tokenize.h"
#include "system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

const char *corpus_gcide_installed = "/usr/share/dictd/gcide.dict.dz";
static const char help[] = "get it with `apt-get update && apt-get download dict-gcide` on a Debian system, "
                           "or from Debian's pool, and name the "
                           ".deb file";

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static sigmoe_status is_package(const char *path, arena *a, bool *out) {
    static const char begin[] = "!<arch>\n";
    char bytes[sizeof begin - 1];
    byte_source source;
    size_t count = 0;
    TRY(file_source_open(path, a, &source));
    sigmoe_status status = source.read(source.context, bytes, sizeof bytes, &count);
    byte_source_close(&source);
    *out = ends_with(path, ".deb") || (count == sizeof bytes && memcmp(bytes, begin, count) == 0);
    return status;
}

// A .dict.dz is a gzip file with an index; a .deb is an ar archive of tar archives.
static sigmoe_status open_gcide(const void *context, int part, arena *a, byte_source *out) {
    (void)part;
    const char *path = context;
    byte_source source, next;
    bool package;
    TRY(is_package(path, a, &package));
    TRY(file_source_open(path, a, &source));
    if (package) {
        TRY(archive_find(&source, "data.tar*", path, a, &next));
        TRY(archive_find(&next, "*usr/share/dictd/gcide.dict.dz", path, a, &source));
    }
    return content_open(&source, path, CONTENT_KNOWN, a, out);
}

static sigmoe_status tokenize(const corpus_request *request, const char *path) {
    raw_text text = {
        .name = path, .source = path_leaf(path), .parts = 1, .open = open_gcide, .context = path};
    return corpus_tokenize(request, &text);
}

// Waits for a child while the observer may ask to stop; *exit_code is -1 if it did not exit normally.
static sigmoe_status wait_for(pid_t child, const sigmoe_observer *observer, int *exit_code) {
    progress_meter meter;
    progress_begin(&meter, observer, "download dict-gcide", "bytes", 0, NAN);
    int state = 0;
    for (;;) {
        pid_t ended = waitpid(child, &state, WNOHANG);
        if (ended == child) break;
        if (ended < 0 && errno != EINTR) return fail_errno("cannot wait for apt-get");
        sigmoe_status status = progress_at(&meter, 0);
        if (status != SIGMOE_OK) {
            kill(child, SIGTERM);
            waitpid(child, &state, 0);
            return status;
        }
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    progress_end(&meter);
    *exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : -1;
    return SIGMOE_OK;
}

static sigmoe_status run_apt_get(const char *directory, const sigmoe_observer *observer, int *exit_code) {
    char *const arguments[] = {"apt-get", "download", "dict-gcide", NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, directory);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) return fail(SIGMOE_IO, "the dictionary is not here and apt-get cannot be run: %s", help);
    return wait_for(child, observer, exit_code);
}

static sigmoe_status downloaded_package(const char *directory, arena *a, const char **path) {
    char **names;
    int count = 0;
    TRY(directory_list(directory, a, &names, &count));
    for (int i = 0; i < count; i++) {
        if (!ends_with(names[i], ".deb")) continue;
        *path = arena_text(a, "%s/%s", directory, names[i]);
        return *path ? SIGMOE_OK : SIGMOE_NO_MEMORY;
    }
    return fail(SIGMOE_IO, "the dictionary is not here and apt-get cannot download it: %s", help);
}

static sigmoe_status download_and_tokenize(const corpus_request *request, const char *directory, arena *a) {
    const char *path = NULL;
    int exit_code = -1;
    TRY(directory_make(directory));
    TRY(run_apt_get(directory, request->observer, &exit_code));
    if (exit_code != 0)
        return fail(SIGMOE_IO, "the dictionary is not here and apt-get cannot download it: %s", help);
    TRY(downloaded_package(directory, a, &path));
    TRY(corpus_record(request, path_leaf(path), path));
    TRY(tokenize(request, path));
    return directory_remove(directory);
}

static sigmoe_status from_debian(const corpus_request *request) {
    arena *a;
    char directory[PATH_CAPACITY];
    if (request->offline)
        return fail(SIGMOE_IO, "the dictionary is not here, and `offline` forbids to fetch it: %s", help);
    TRY(path_format(directory, "%s/package", request->directory));
    TRY(arena_create("dict-gcide", &a));
    sigmoe_status status = download_and_tokenize(request, directory, a);
    arena_destroy(a);
    return status;
}

sigmoe_status corpus_gcide(const corpus_request *request) {
    if (request->input_count > 1)
        return fail(SIGMOE_BAD_ARGUMENT, "gcide: name at most one .deb or .dict.dz file");
    if (request->input_count == 1) return tokenize(request, request->inputs[0].path);
    const char *installed = corpus_gcide_installed;
    return path_exists(installed) ? tokenize(request, installed) : from_debian(request);
}
