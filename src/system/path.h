// Names of files and directories.
#pragma once

#include "base/status.h"

enum { PATH_CAPACITY = 4096 };

// printf into a path buffer, for joining paths. Repeated slashes become one; a path that does not fit is an error, never
// truncated.
sigmoe_status path_format(char path[PATH_CAPACITY], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// `name` without trailing slashes or "/." parts, so that "<path>.partial" is a sibling. "/" and "." are unchanged.
sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name);
// Like path_trimmed, for an output named by the user: a symbolic link is replaced by its target, which need not exist.
sigmoe_status path_of_output(char path[PATH_CAPACITY], const char *name);
// The directory that contains the path, whether or not the path exists.
sigmoe_status path_parent(const char *path, char parent[PATH_CAPACITY]);
const char *path_leaf(const char *path); // what follows the last slash
// Also true where the system cannot tell, as on a failing disk: whoever then opens the path reports why.
bool path_exists(const char *path);
bool path_exists_in(int directory, const char *path);
// The same for what is not opened next: fails where the system cannot tell. `path` is what messages call `name`.
sigmoe_status path_find(const char *path, bool *there);
sigmoe_status path_find_in(int directory, const char *name, const char *path, bool *there);
// Whether `inner` is `outer` or inside it, with links resolved; false if either does not exist.
bool path_inside(const char *inner, const char *outer);
// What a user called a source, `name` or NULL, where it is a file; NULL where it is the name of a preset, which a directory may
// have, too.
const char *path_of_file(const char *name);
