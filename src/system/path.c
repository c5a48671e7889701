#include "system/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; // same as the kernel's limit

static sigmoe_status too_long(const char *path) {
    return fail(SIGMOE_BAD_ARGUMENT, "the path %.60s... is longer than %d bytes", path, PATH_CAPACITY - 1);
}

// Otherwise "data/" and "train.bin" would make "data//train.bin", which looks as if something were missing.
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

static void trim(char *path) {
    size_t length = strlen(path);
    while (length > 1 && (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/')))
        path[--length] = '\0';
}

sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name) {
    TRY(path_format(path, "%s", name));
    trim(path);
    return *path ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "an empty path names no directory");
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

typedef enum presence { ABSENT, PRESENT, UNKNOWN } presence; // UNKNOWN: errno says why

static presence look_for(int directory, const char *name) {
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0) return PRESENT;
    return errno == ENOENT || errno == ENOTDIR ? ABSENT : UNKNOWN;
}

bool path_exists_in(int directory, const char *path) {
    return look_for(directory, path) != ABSENT;
}

sigmoe_status path_find_in(int directory, const char *name, const char *path, bool *there) {
    presence found = look_for(directory, name);
    *there = found == PRESENT;
    return found == UNKNOWN ? fail_errno("cannot read %s", path) : SIGMOE_OK;
}

sigmoe_status path_find(const char *path, bool *there) {
    return path_find_in(AT_FDCWD, path, path, there);
}

bool path_exists(const char *path) {
    return path_exists_in(AT_FDCWD, path);
}

bool path_inside(const char *inner, const char *outer) {
    char child[PATH_CAPACITY], parent[PATH_CAPACITY];
    if (!realpath(inner, child) || !realpath(outer, parent)) return false;
    size_t length = strlen(parent);
    if (length == 1) return true; // the root
    return strncmp(parent, child, length) == 0 && (child[length] == '/' || child[length] == '\0');
}

const char *path_of_file(const char *name) {
    struct stat about;
    return name && stat(name, &about) == 0 && S_ISREG(about.st_mode) ? name : NULL;
}

// Replaces a link by its target, which is relative to the link's directory unless absolute.
static sigmoe_status follow(char path[PATH_CAPACITY], bool *link) {
    char target[PATH_CAPACITY], parent[PATH_CAPACITY];
    struct stat about;
    *link = lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
    if (!*link) return SIGMOE_OK;
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) return fail_errno("cannot read the link %s", path);
    if ((size_t)length >= sizeof target) return too_long(path);
    target[length] = '\0';
    trim(target);
    if (*target == '/' || !strchr(path, '/')) return path_format(path, "%s", target);
    TRY(path_parent(path, parent));
    return path_format(path, "%s/%s", parent, target);
}

sigmoe_status path_of_output(char path[PATH_CAPACITY], const char *name) {
    bool link = true;
    TRY(path_trimmed(path, name));
    for (int i = 0; i < MOST_LINKS && link; i++) TRY(follow(path, &link));
    return link ? fail(SIGMOE_BAD_ARGUMENT, "%s is a symbolic link that leads nowhere: remove it", name)
                : SIGMOE_OK;
}
