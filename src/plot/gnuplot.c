#include "plot/gnuplot.h"

#include "base/progress.h"
#include "system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { COMPLAINT_SIZE = 400 };

// Reads to the end but keeps only the beginning, as a single line.
static void read_complaint(int descriptor, char complaint[COMPLAINT_SIZE]) {
    char rest[512];
    size_t used = 0;
    for (;;) {
        bool room = used < COMPLAINT_SIZE - 1;
        ssize_t got = room ? read(descriptor, complaint + used, COMPLAINT_SIZE - 1 - used)
                           : read(descriptor, rest, sizeof rest);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (room) used += (size_t)got;
    }
    complaint[used] = '\0';
    for (char *p = complaint; *p; p++)
        if (*p == '\n') *p = ' ';
}

// gnuplot gets its own process group: Ctrl-C is for this program, which stops between two figures.
static int attributes_init(posix_spawnattr_t *attributes) {
    int error = posix_spawnattr_init(attributes);
    if (error) return error;
    error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0);
    if (error) posix_spawnattr_destroy(attributes);
    return error;
}

// Standard error goes to the pipe, other output is discarded; `input` is its standard input, or -1. -d: figures must not depend
// on the user's ~/.gnuplot.
static int spawn_gnuplot(
    pid_t *child, const char *directory, const char *argument, int input, const int ends[2]) {
    char *const arguments[] = {(char *)"gnuplot", (char *)"-d", (char *)argument, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = attributes_init(&attributes);
    if (error) return error;
    error = posix_spawn_file_actions_init(&actions);
    if (error) {
        posix_spawnattr_destroy(&attributes);
        return error;
    }
    error = input >= 0 ? posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
                       : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    if (!error) error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (!error) error = posix_spawnp(child, "gnuplot", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static sigmoe_status not_started(int error) {
    if (error == ENOENT)
        return fail(SIGMOE_IO, "gnuplot is not installed (Debian: apt-get install gnuplot-nox)");
    return fail(SIGMOE_IO, "cannot start gnuplot: %s", strerror(error));
}

static sigmoe_status wait_for(pid_t child, const char *name, const char *complaint) {
    int how;
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR) return fail_errno("cannot wait for gnuplot");
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return SIGMOE_OK;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127 && !*complaint) return not_started(ENOENT);
    return fail(SIGMOE_IO, "gnuplot failed on %s: %s", name, *complaint ? complaint : "it says nothing");
}

static sigmoe_status run_gnuplot(const char *directory, const char *argument, const char *name, int input) {
    int ends[2];
    pid_t child;
    char complaint[COMPLAINT_SIZE];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe for gnuplot");
    int error = spawn_gnuplot(&child, directory, argument, input, ends);
    close(ends[1]);
    if (!error) read_complaint(ends[0], complaint);
    close(ends[0]);
    return error ? not_started(error) : wait_for(child, name, complaint);
}

bool plot_ready(bool wanted, const sigmoe_observer *observer) {
    if (!wanted) return false;
    if (run_gnuplot(".", "--version", "--version", -1) == SIGMOE_OK) return true;
    progress_note(observer, "no figures: %s", sigmoe_message());
    return false;
}

static bool fill(int descriptor, const char *script, size_t size) {
    while (size > 0) {
        ssize_t written = write(descriptor, script, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        script += written;
        size -= (size_t)written;
    }
    return lseek(descriptor, 0, SEEK_SET) == 0;
}

// The script is a file without a name, in memory: nobody else reads it.
sigmoe_status plot_run(const char *directory, const char *name, const char *script, size_t size) {
    int input = memfd_create("gnuplot", MFD_CLOEXEC);
    if (input < 0) return fail_errno("cannot keep the script of the figure %s", name);
    sigmoe_status status = fill(input, script, size)
                               ? run_gnuplot(directory, "-", name, input)
                               : fail_errno("cannot keep the script of the figure %s", name);
    close(input);
    return status;
}
