// Names of files and directories.
#pragma once

#include "base/status.h"

enum { PATH_CAPACITY = 4096 };

// printf into a buffer for a path: where paths are joined. Slashes that follow each other become one; a path that does not fit
// is an error, never cut short.
sigmoe_status path_format(char path[PATH_CAPACITY], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// `name` without slashes, or slashes and dots, at its end, so that "<path>.partial" stands beside it. "/" and "." stay.
sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name);
// As path_trimmed, of an output that the user names: where the name is a symbolic link, what it points to, which need not exist.
sigmoe_status path_of_output(char path[PATH_CAPACITY], const char *name);
// The directory that holds it, or would.
sigmoe_status path_parent(const char *path, char parent[PATH_CAPACITY]);
const char *path_leaf(const char *path); // what follows the last slash
bool path_exists(const char *path);
// Whether `inner` is `outer` or lies in it, links resolved; false where either does not exist.
bool path_inside(const char *inner, const char *outer);
// What a user called a source, `name` or NULL, where it is a file; NULL where it is the name of a preset, which a directory may
// have, too.
const char *path_of_file(const char *name);
