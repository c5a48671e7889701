#include "system_faults.h"

#include "call_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    MOST_VECTORS = 64,
    G = 1, // makes files grow
    C = 2, // changes the file system
};

typedef struct call_kind {
    int number;
    const char *name;
    struct {
        int directory, path; // indices of arguments, or -1
    } about[2];
    int kinds;
} call_kind;

static const call_kind kinds[] = {
#define CALL(name, directory, path, directory2, path2, kinds)                                                \
    {SYS_##name, #name, {{directory, path}, {directory2, path2}}, kinds},
#include "system_calls.inc"
#undef CALL
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

// What holds now. The lock is held for as long as a call is answered.
static struct {
    pthread_mutex_t lock;
    bool begun, active;
    fault_plan plan;
    char directory[PATH_BYTES]; // canonical, no slash at the end
    int64_t capacity;           // FAULT_ROOM: bytes that all files under the directory may have
    int64_t seen;               // FAULT_CALL: calls so far
} now = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const watch_answer proceed = {.proceed = true};

static watch_answer answer(int64_t result) {
    return (watch_answer){.result = result};
}

static const call_kind *kind_of(int number) {
    for (int i = 0; i < KINDS; i++)
        if (kinds[i].number == number) return &kinds[i];
    return NULL;
}

// ---------------------------------------------------------------- which file a call is about

static bool under_directory(const char *path) {
    size_t length = strlen(now.directory);
    return strncmp(path, now.directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool read_link(const char *link, char path[PATH_BYTES]) {
    ssize_t length = readlink(link, path, PATH_BYTES - 1);
    path[length < 0 ? 0 : length] = '\0';
    return length > 0;
}

static bool descriptor_path(const watched_call *call, int descriptor, char path[PATH_BYTES]) {
    char link[64];
    if (descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)call->thread);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)call->thread, descriptor);
    return read_link(link, path);
}

// Where `path` leads, through every link.
static bool canonical(const char *path, char out[PATH_BYTES]) {
    char link[64];
    int descriptor = open(path, O_PATH | O_CLOEXEC);
    if (descriptor < 0) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    bool found = read_link(link, out);
    close(descriptor);
    return found;
}

// What exists by itself, and what does not, or is a link, by the directory that it is in.
static bool path_concerns(char *path) {
    char real[PATH_BYTES];
    if (canonical(path, real) && under_directory(real)) return true;
    char *slash = strrchr(path, '/');
    while (slash > path && slash[1] == '\0') *slash = '\0', slash = strrchr(path, '/');
    if (!slash) return false;
    *slash = '\0';
    return canonical(*path ? path : "/", real) && under_directory(real);
}

// The path in argument `index`, made absolute; false where it is empty or cannot be read.
static bool path_argument(const watched_call *call, int directory, int index, char full[2 * PATH_BYTES]) {
    char path[PATH_BYTES] = {0}, base[PATH_BYTES];
    watch_read(call, call->arguments[index], path, sizeof path - 1);
    if (!*path) return false;
    if (*path == '/')
        base[0] = '\0';
    else if (!descriptor_path(call, directory < 0 ? AT_FDCWD : (int)call->arguments[directory], base))
        return false;
    snprintf(full, 2 * PATH_BYTES, "%s/%s", base, path);
    return true;
}

static bool concerns(const watched_call *call, const call_kind *kind) {
    for (int i = 0; i < 2; i++) {
        char path[2 * PATH_BYTES];
        int directory = kind->about[i].directory, index = kind->about[i].path;
        if (index >= 0 && path_argument(call, directory, index, path)) {
            if (path_concerns(path)) return true;
        } else if (directory >= 0 && descriptor_path(call, (int)call->arguments[directory], path)) {
            if (under_directory(path)) return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------- a disk that fills up

// The bytes of all files in the open directory and under it; closes it. Not nftw, which takes memory.
static int64_t bytes_in(int directory) {
    char entries[4096];
    int64_t total = 0;
    for (;;) {
        ssize_t size = getdents64(directory, entries, sizeof entries);
        if (size <= 0) break;
        for (char *at = entries; at < entries + size; at += ((struct dirent64 *)at)->d_reclen) {
            const char *name = ((struct dirent64 *)at)->d_name;
            struct stat about;
            if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
            if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
            if (S_ISREG(about.st_mode)) total += about.st_size;
            if (!S_ISDIR(about.st_mode)) continue;
            int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (inner >= 0) total += bytes_in(inner);
        }
    }
    close(directory);
    return total;
}

static int64_t bytes_under(const char *path) {
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? 0 : bytes_in(directory);
}

typedef struct growth {
    int descriptor;
    int64_t count, offset; // offset -1: where the descriptor stands
    struct iovec vectors[MOST_VECTORS];
    int vector_count; // 0: not one that can be done in part
} growth;

static void take_vectors(const watched_call *call, growth *g) {
    size_t count = call->arguments[2];
    if (count > MOST_VECTORS) count = MOST_VECTORS;
    count =
        watch_read(call, call->arguments[1], g->vectors, count * sizeof g->vectors[0]) / sizeof g->vectors[0];
    for (size_t i = 0; i < count; i++) g->count += (int64_t)g->vectors[i].iov_len;
    g->vector_count = (int)count;
}

static growth growth_of(const watched_call *call) {
    const uint64_t *a = call->arguments;
    growth g = {.descriptor = (int)a[0], .offset = -1};
    switch (call->number) {
    case SYS_write:
    case SYS_pwrite64:
        g.vectors[0] = (struct iovec){(void *)(uintptr_t)a[1], (size_t)a[2]}; // NOLINT: the caller's address
        g.vector_count = 1;
        g.count = (int64_t)a[2];
        if (call->number == SYS_pwrite64) g.offset = (int64_t)a[3];
        break;
    case SYS_writev:
        take_vectors(call, &g);
        break;
    case SYS_pwritev:
    case SYS_pwritev2:
        take_vectors(call, &g);
        g.offset = (int64_t)a[3];
        break;
    case SYS_fallocate:
        g.offset = (int64_t)a[2];
        g.count = (int64_t)a[3];
        break;
    case SYS_copy_file_range:
        g.descriptor = (int)a[2];
        g.count = (int64_t)a[4];
        break;
    default:
        g.count = (int64_t)a[3]; // sendfile
    }
    return g;
}

// Where a descriptor of the caller stands, or, opened for appending, the end.
static int64_t position(const watched_call *call, int descriptor, int64_t size) {
    char name[64], text[512] = {0};
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", (int)call->thread, descriptor);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return size;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    const char *flags = strstr(text, "flags:");
    if (length <= 0 || !flags || strtol(flags + 6, NULL, 8) & O_APPEND) return size;
    return strtoll(text + strlen("pos:"), NULL, 10);
}

// The first `fits` bytes, or some of them, as a file system writes them that has no room for more.
static watch_answer write_part(const watched_call *call, const growth *g, int64_t fits) {
    static char bytes[1 << 16];
    size_t count = 0, most = fits < (int64_t)sizeof bytes ? (size_t)fits : sizeof bytes;
    for (int i = 0; i < g->vector_count && count < most; i++) {
        size_t size = g->vectors[i].iov_len < most - count ? g->vectors[i].iov_len : most - count;
        count += watch_read(call, (uintptr_t)g->vectors[i].iov_base, bytes + count, size);
    }
    int descriptor = watch_descriptor(call, g->descriptor);
    if (descriptor < 0) return answer(-ENOSPC);
    ssize_t written =
        g->offset < 0 ? write(descriptor, bytes, count) : pwrite(descriptor, bytes, count, g->offset);
    int error = errno;
    close(descriptor);
    return answer(written < 0 ? -error : written);
}

static watch_answer decide_room(const watched_call *call) {
    growth g = growth_of(call);
    char link[64], path[PATH_BYTES];
    struct stat about;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)call->thread, g.descriptor);
    if (stat(link, &about) != 0 || !S_ISREG(about.st_mode)) return proceed;
    if (!descriptor_path(call, g.descriptor, path) || !under_directory(path)) return proceed;
    int64_t start = g.offset >= 0 ? g.offset : position(call, g.descriptor, about.st_size);
    int64_t growing = start + g.count - about.st_size, room = now.capacity - bytes_under(now.directory);
    if (growing <= 0 || growing <= room) return proceed;
    int64_t fits = g.count - growing + (room > 0 ? room : 0);
    if (fits > 0 && g.vector_count > 0) return write_part(call, &g, fits);
    return answer(-ENOSPC);
}

// ---------------------------------------------------------------- a file system that cannot be written

static bool would_change(const watched_call *call, const call_kind *kind) {
    const uint64_t *a = call->arguments;
    char path[2 * PATH_BYTES];
    struct stat about;
    bool there =
        path_argument(call, kind->about[0].directory, kind->about[0].path, path) && lstat(path, &about) == 0;
    switch (call->number) {
    case SYS_open:
    case SYS_openat: {
        int flags = (int)a[call->number == SYS_open ? 1 : 2];
        return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC || (flags & O_CREAT && !there);
    }
    case SYS_access:
        return a[1] & W_OK;
    case SYS_faccessat:
    case SYS_faccessat2:
        return a[2] & W_OK;
    case SYS_mkdir:
    case SYS_mkdirat:
        return !there;
    default:
        return true;
    }
}

// ---------------------------------------------------------------- one call of many

static bool named(const char *names, const char *name) {
    size_t length = strlen(name);
    for (const char *at = names; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
    }
    return !names;
}

static void report_failed(const call_kind *kind) {
    char line[64];
    if (now.plan.report <= 0) return;
    int length = snprintf(line, sizeof line, "%s\n", kind->name);
    if (write(now.plan.report, line, (size_t)length) != length) now.plan.report = 0;
}

// A read or write of one byte in place of more.
static watch_answer move_one_byte(const watched_call *call) {
    const uint64_t *a = call->arguments;
    char byte;
    bool reads = call->number == SYS_read || call->number == SYS_pread64;
    bool writes = call->number == SYS_write || call->number == SYS_pwrite64;
    if (!(reads || writes) || a[2] < 2) return proceed;
    int descriptor = watch_descriptor(call, (int)a[0]);
    if (descriptor < 0) return proceed;
    if (writes) watch_read(call, a[1], &byte, 1);
    long moved = syscall(call->number, descriptor, &byte, 1L, a[3]);
    int error = errno;
    if (reads && moved == 1) watch_write(call, a[1], &byte, 1);
    close(descriptor);
    return answer(moved < 0 ? -error : moved);
}

static watch_answer decide_call(const watched_call *call, const call_kind *kind) {
    int64_t number = now.seen++;
    if (now.plan.onwards ? number < now.plan.nth : number != now.plan.nth) return proceed;
    report_failed(kind);
    if (!now.plan.error) return move_one_byte(call);
    // As on Linux: whatever close says, the descriptor is gone.
    if (call->number == SYS_close && call->ours) close((int)call->arguments[0]);
    return answer(-now.plan.error);
}

// ---------------------------------------------------------------- all together

static watch_answer decide_active(const watched_call *call) {
    const call_kind *kind = kind_of(call->number);
    if (now.plan.kind == FAULT_CALL && !named(now.plan.calls, kind->name)) return proceed;
    if (!concerns(call, kind)) return proceed;
    if (now.plan.kind == FAULT_ROOM) return decide_room(call);
    if (now.plan.kind == FAULT_CALL) return decide_call(call, kind);
    return would_change(call, kind) ? answer(-EROFS) : proceed;
}

static watch_answer decide(const watched_call *call) {
    pthread_mutex_lock(&now.lock);
    watch_answer answered = now.active ? decide_active(call) : proceed;
    pthread_mutex_unlock(&now.lock);
    return answered;
}

static size_t watched_numbers(fault_kind kind, int numbers[KINDS]) {
    size_t count = 0;
    int wanted = kind == FAULT_ROOM ? G : kind == FAULT_READ_ONLY ? C : 0;
    for (int i = 0; i < KINDS; i++)
        if (!wanted || kinds[i].kinds & wanted) numbers[count++] = kinds[i].number;
    return count;
}

static const char *take_plan(const fault_plan *plan) {
    char directory[PATH_BYTES];
    if (!canonical(plan->directory, directory)) return "the directory is missing";
    int64_t bytes = bytes_under(directory);
    pthread_mutex_lock(&now.lock);
    now.active = true;
    now.plan = *plan;
    memcpy(now.directory, directory, sizeof directory);
    now.capacity = bytes + plan->bytes;
    now.seen = 0;
    pthread_mutex_unlock(&now.lock);
    return NULL;
}

const char *faults_begin(const fault_plan *plan) {
    int numbers[KINDS];
    if (now.begun && now.plan.kind != plan->kind) return "this process has faults of another kind already";
    faults_end();
    if (!now.begun) {
        const char *reason = watch_calls(numbers, watched_numbers(plan->kind, numbers), decide);
        if (reason) return reason;
    }
    now.begun = true;
    return take_plan(plan);
}

const char *faults_run(const fault_plan *plan, char *const *command, int *status) {
    int numbers[KINDS];
    const char *reason = take_plan(plan);
    return reason ? reason
                  : watch_command(numbers, watched_numbers(plan->kind, numbers), decide, command, status);
}

void faults_end(void) {
    pthread_mutex_lock(&now.lock);
    now.active = false;
    pthread_mutex_unlock(&now.lock);
}

int faults_error(const char *name) {
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EACCES", EACCES}, {"EINTR", EINTR}, {"EMFILE", EMFILE},
        {"ENOENT", ENOENT}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}, {"ENOMEM", ENOMEM}, {"EINVAL", EINVAL}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(errors[i].name, name) == 0) return errors[i].number;
    return 0;
}
