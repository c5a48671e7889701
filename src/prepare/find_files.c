#include "prepare/find_files.h"

#include "prepare/fetch/fetch.h"
#include "system/directory.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct search {
    arena *memory;
    found_files *found;
    int capacity;
    int given; // the name at work
    int depth; // directories open at the same time
} search;

static sigmoe_status add(search *s, const char *path, bool looked) {
    enum { FIRST_CAPACITY = 64 };
    found_files *f = s->found;
    if (f->count == s->capacity) {
        found_file *more;
        if (s->capacity > INT_MAX / 2) return fail(SIGMOE_BAD_ARGUMENT, "there are too many files");
        s->capacity = s->capacity ? 2 * s->capacity : FIRST_CAPACITY;
        TRY(ARENA_NEW_RAW(s->memory, more, s->capacity));
        if (f->count > 0) memcpy(more, f->files, (size_t)f->count * sizeof *more);
        f->files = more;
    }
    const char *copy = arena_text(s->memory, "%s", path);
    if (!copy) return SIGMOE_NO_MEMORY;
    f->files[f->count++] = (found_file){copy, s->given, looked};
    return SIGMOE_OK;
}

static bool is_directory(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_link(const char *path) {
    struct stat about;
    return lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
}

static bool is_ours(const char *directory) {
    char mark[PATH_CAPACITY + sizeof "/" MARK_NAME];
    snprintf(mark, sizeof mark, "%s/%s", directory, MARK_NAME);
    return path_exists(mark);
}

// ---------------------------------------------------------------- names in a directory

// What stands between the name of a directory and a name in it.
static const char *slash_behind(const char *directory) {
    return *directory && strcmp(directory, "/") != 0 ? "/" : "";
}

typedef sigmoe_status use_name(search *s, const char *path, const char *name, const char *pattern);

// `directory` may be "": where the program runs. `use` gets each name in it with its path.
static sigmoe_status each_name(search *s, const char *directory, const char *pattern, use_name *use) {
    enum { MOST_DEPTH = 100 };
    arena *own;
    char **names;
    int count = 0;
    if (s->depth == MOST_DEPTH)
        return fail(SIGMOE_BAD_ARGUMENT, "%s is more than %d directories deep", directory, MOST_DEPTH);
    TRY(arena_create("names in a directory", &own));
    s->depth++;
    sigmoe_status status = directory_list(*directory ? directory : ".", own, &names, &count);
    for (int i = 0; status == SIGMOE_OK && i < count; i++) {
        const char *path = arena_text(own, "%s%s%s", directory, slash_behind(directory), names[i]);
        status = path ? use(s, path, names[i], pattern) : SIGMOE_NO_MEMORY;
    }
    s->depth--;
    arena_destroy(own);
    return status;
}

// ---------------------------------------------------------------- all files of a directory

static sigmoe_status take_below(search *s, const char *path, const char *name, const char *unused);

// A file that is not empty, or all those in a directory.
static sigmoe_status take(search *s, const char *path) {
    struct stat about;
    int64_t *skipped = s->found->skipped;
    bool exists = stat(path, &about) == 0, folder = exists && S_ISDIR(about.st_mode);
    if (!exists && errno != ENOENT && errno != ELOOP && errno != EACCES)
        return fail_errno("cannot read %s", path);
    if (!exists || (folder && is_link(path)))
        skipped[SKIPPED_LINK]++;
    else if (folder && is_ours(path))
        skipped[SKIPPED_OURS]++;
    else if (folder)
        return each_name(s, path, NULL, take_below);
    else if (!S_ISREG(about.st_mode))
        skipped[SKIPPED_SPECIAL]++;
    else if (about.st_size == 0)
        skipped[SKIPPED_EMPTY]++;
    else
        return add(s, path, true);
    return SIGMOE_OK;
}

static sigmoe_status take_below(search *s, const char *path, const char *name, const char *unused) {
    (void)unused;
    if (*name != '.') return take(s, path);
    s->found->skipped[SKIPPED_HIDDEN]++;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- patterns

static bool is_pattern(const char *text) {
    return strpbrk(text, "*?[") != NULL;
}

static sigmoe_status match(search *s, const char *directory, const char *pattern);

// `path` has matched; what is in it must match the rest.
static sigmoe_status go_on(search *s, const char *path, const char *rest) {
    if (!*rest) return path_exists(path) ? take(s, path) : SIGMOE_OK;
    return is_directory(path) && !is_ours(path) ? match(s, path, rest) : SIGMOE_OK;
}

// `first` gets the first name of a pattern, which is shorter than PATH_CAPACITY; returns the rest.
static const char *cut_first(const char *pattern, char first[PATH_CAPACITY]) {
    size_t length = strcspn(pattern, "/");
    memcpy(first, pattern, length);
    first[length] = '\0';
    return pattern + length + strspn(pattern + length, "/");
}

static sigmoe_status match_name(search *s, const char *path, const char *name, const char *pattern) {
    char first[PATH_CAPACITY];
    const char *rest = cut_first(pattern, first);
    return fnmatch(first, name, FNM_PERIOD) == 0 ? go_on(s, path, rest) : SIGMOE_OK;
}

// The pattern begins with `**`, which may also stand for this directory.
static sigmoe_status match_below(search *s, const char *path, const char *name, const char *pattern) {
    bool descends = *name != '.' && is_directory(path) && !is_link(path) && !is_ours(path);
    return descends ? match(s, path, pattern) : SIGMOE_OK;
}

static sigmoe_status match(search *s, const char *directory, const char *pattern) {
    char first[PATH_CAPACITY], path[PATH_CAPACITY];
    const char *rest = cut_first(pattern, first);
    if (strcmp(first, "**") == 0) {
        if (!*rest) return each_name(s, directory, NULL, take_below);
        TRY(match(s, directory, rest));
        return each_name(s, directory, pattern, match_below);
    }
    if (is_pattern(first)) return each_name(s, directory, pattern, match_name);
    TRY(path_format(path, "%s%s%s", directory, slash_behind(directory), first));
    return go_on(s, path, rest);
}

// ---------------------------------------------------------------- all names

static int by_path(const void *a, const void *b) {
    return strcmp(((const found_file *)a)->path, ((const found_file *)b)->path);
}

// Sorts the files from number `begin` on, and leaves out those that a pattern with ** has found several times.
static void put_in_order(found_files *f, int begin) {
    int kept = begin;
    qsort(f->files + begin, (size_t)(f->count - begin), sizeof *f->files, by_path);
    for (int i = begin; i < f->count; i++)
        if (i == begin || by_path(&f->files[i], &f->files[kept - 1]) != 0) f->files[kept++] = f->files[i];
    f->count = kept;
}

static sigmoe_status look(search *s, const char *name) {
    char trimmed[PATH_CAPACITY];
    int begin = s->found->count;
    bool folder = is_directory(name), pattern = !folder && !path_exists(name) && is_pattern(name);
    if (is_url(name) || (!folder && !pattern)) return add(s, name, false);
    if (folder && is_ours(name))
        return fail(SIGMOE_BAD_FORMAT, "%s is a directory that sigmoe made: it holds no text of yours", name);
    TRY(path_trimmed(trimmed, name));
    if (folder)
        TRY(each_name(s, trimmed, NULL, take_below));
    else
        TRY(match(s, *trimmed == '/' ? "/" : "", trimmed + (*trimmed == '/')));
    if (s->found->count == begin)
        return fail(SIGMOE_IO, pattern ? "no file matches %s" : "%s holds no file to take", name);
    put_in_order(s->found, begin);
    return SIGMOE_OK;
}

sigmoe_status find_files(const char *const *given, int count, arena *a, found_files *out) {
    *out = (found_files){0};
    search s = {.memory = a, .found = out};
    for (s.given = 0; s.given < count; s.given++) TRY(look(&s, given[s.given]));
    return SIGMOE_OK;
}

sigmoe_status take_files(const char *const *given, int count, arena *a, found_files *out) {
    *out = (found_files){0};
    search s = {.memory = a, .found = out};
    for (s.given = 0; s.given < count; s.given++) TRY(add(&s, given[s.given], false));
    return SIGMOE_OK;
}
