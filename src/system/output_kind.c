#include "system/output_kind.h"

#include "system/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---------------------------------------------------------------- contents of each kind

enum { MOST_FILES = 16, MOST_KEYS = 3, MARK_SIZE = 32 };

typedef struct kind_description {
    const char *name;              // in the mark
    const char *files[MOST_FILES]; // patterns of file names
    const char *folder;            // the only directory in it, or NULL
    const char *members;           // patterns of the folder's directories, whose kind is `member`
    output_kind member;
    // Without a mark: a file, and the keys of its JSON object or the beginning of its text.
    const char *evidence;
    const char *keys[MOST_KEYS];
    const char *beginning;
} kind_description;

static const kind_description kinds[OUTPUT_KINDS] = {
    [OUTPUT_DATA] = {.name = "data",
        .files = {"meta.json", "tokenizer.model", "files.jsonl", "train.bin", "valid.bin", "test.bin",
            "train_[0-9][0-9][0-9][0-9][0-9][0-9].bin", "valid_[0-9][0-9][0-9][0-9][0-9][0-9].bin",
            "test_[0-9][0-9][0-9][0-9][0-9][0-9].bin"},
        .evidence = "meta.json",
        .keys = {"vocab_size", "tokenizer"}},
    [OUTPUT_MODEL] = {.name = "model",
        .files = {"config.json", "model.safetensors", "tokenizer.model", "trainer.json",
            "trainer.safetensors", "configuration_sigmoe.py", "modeling_sigmoe.py", "tokenization_sigmoe.py",
            "tokenizer.json", "tokenizer_config.json", "manifest.json"},
        .evidence = "config.json",
        .keys = {"model_type", "vocab_size", "ff"}},
    [OUTPUT_RUN] = {.name = "run",
        .files = {"train.json", "logs.json", "metrics.jsonl", "valid.jsonl", "usage.jsonl", "samples.jsonl",
            "events.out.tfevents.*", "result.json", "costs.json", "report.html"},
        .folder = "checkpoints",
        .members = "+([0-9])?(.partial|.removed|.damaged)",
        .member = OUTPUT_MODEL,
        .evidence = "train.json",
        .keys = {"data", "settings"}},
    [OUTPUT_COMPARISON] = {.name = "comparison",
        .files = {"compare.json", "ngram.json", "table.txt", "table.csv", "table.json", "claims.csv",
            "report.html", "*.svg", "*.png", "*.gnuplot"},
        .folder = "runs",
        .members = "*",
        .member = OUTPUT_RUN,
        .evidence = "compare.json",
        .keys = {"base", "variants", "settings"}},
    [OUTPUT_ANALYSIS] = {.name = "analysis",
        .files = {"report.html", "*.csv", "*.svg", "*.png", "*.gnuplot"},
        .evidence = "layers.csv",
        .beginning = "model,layer,"},
    [OUTPUT_FIGURES] = {.name = "figures",
        .files = {"figure*.csv", "figure*.svg", "figure*.png", "figure*.gnuplot", "scaling.csv",
            "*-scaling.svg", "*-scaling.png"},
        .evidence = "figure*.csv",
        .beginning = "d_model,experts,expert_size,k,"},
    [OUTPUT_SHARDS] = {.name = "shards",
        .files = {"train.bin", "val.bin", "valid.bin", "test.bin", "train.idx", "valid.idx", "test.idx",
            "tokenizer.model"},
        .evidence = MARK_NAME, // no version wrote them without
        .beginning = "sigmoe shards"},
};

// A directory with nothing else in it does not have any results yet.
static const char *const stays[] = {LOCK_NAME, TAKEN_NAME, REPLACED_NAME, REPLACING_NAME, REMOVED_NAME,
    ASIDE_NAME, DRAWING_NAME, MARK_NAME "-download*", "lost+found"};

bool output_name_stays(const char *name) {
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        if (fnmatch(stays[i], name, 0) == 0) return true;
    return false;
}

// ---------------------------------------------------------------- the mark

sigmoe_status output_mark(const char *directory, output_kind kind) {
    char path[PATH_CAPACITY], text[MARK_SIZE];
    TRY(path_format(path, "%s/" MARK_NAME, directory));
    int length = snprintf(text, sizeof text, "sigmoe %s\n", kinds[kind].name);
    return file_write(path, text, (size_t)length);
}

// Reads the first bytes of a regular file as text; -1 if it cannot be read.
static ssize_t read_beginning(int directory, const char *name, char *text, size_t size) {
    struct stat about;
    int descriptor = descriptor_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return -1;
    ssize_t length =
        fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) ? read(descriptor, text, size - 1) : -1;
    close(descriptor);
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

output_kind output_marked_in(int directory) {
    char text[MARK_SIZE], expected[MARK_SIZE];
    int kind = 0;
    if (read_beginning(directory, MARK_NAME, text, sizeof text) < 0) return OUTPUT_KINDS;
    for (; kind < OUTPUT_KINDS; kind++) {
        snprintf(expected, sizeof expected, "sigmoe %s\n", kinds[kind].name);
        if (strcmp(text, expected) == 0) break;
    }
    return (output_kind)kind;
}

// ---------------------------------------------------------------- directories without a mark

// Whether each of the keys occurs in the text: enough to recognize files that the program itself wrote.
static bool names_keys(const file_map *text, const char *const *keys) {
    char quoted[64];
    for (int i = 0; i < MOST_KEYS && keys[i]; i++) {
        int length = snprintf(quoted, sizeof quoted, "\"%s\":", keys[i]);
        if (!text->bytes || !memmem(text->bytes, text->size, quoted, (size_t)length)) return false;
    }
    return true;
}

static bool has_keys(const char *path, const char *const *keys) {
    file_map text;
    if (file_map_open(path, &text) != SIGMOE_OK) return false;
    bool all = names_keys(&text, keys);
    file_map_close(&text);
    return all;
}

typedef struct evidence {
    const kind_description *kind;
    bool found;
} evidence;

static sigmoe_status look_at(void *context, int directory, const char *path, const char *name) {
    evidence *e = context;
    char text[MARK_SIZE], file[PATH_CAPACITY];
    struct stat about;
    const char *beginning = e->kind->beginning;
    if (e->found || fnmatch(e->kind->evidence, name, 0) != 0) return SIGMOE_OK;
    bool regular = fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode);
    if (!regular || path_format(file, "%s/%s", path, name) != SIGMOE_OK) return SIGMOE_OK;
    if (beginning)
        e->found = read_beginning(directory, name, text, sizeof text) > 0 &&
                   strncmp(text, beginning, strlen(beginning)) == 0;
    else
        e->found = has_keys(file, e->kind->keys);
    return SIGMOE_OK;
}

static const kind_description *kind_of(int directory, const char *path) {
    output_kind marked = output_marked_in(directory);
    const kind_description *kind = marked < OUTPUT_KINDS ? &kinds[marked] : NULL;
    for (int i = 0; i < OUTPUT_KINDS && !kind; i++) {
        evidence e = {.kind = &kinds[i]};
        if (directory_each(directory, path, look_at, &e) == SIGMOE_OK && e.found) kind = e.kind;
    }
    return kind;
}

// ---------------------------------------------------------------- foreign contents

// Cuts the ending of a temporary file: ".partial", preceded by a file_writer's number. Whether there was such a number.
static bool cut_partial(char *name) {
    static const char end[] = ".partial";
    size_t length = strlen(name), tail = sizeof end - 1;
    if (length <= tail || strcmp(name + length - tail, end) != 0) return false;
    name[length - tail] = '\0';
    char *number = strrchr(name, '.');
    bool numbered = number && number[1] && number[1 + strspn(number + 1, "0123456789-")] == '\0';
    if (numbered) *number = '\0';
    return numbered;
}

// *half: whether it is one that a file_writer had not finished.
static bool is_file_of(const kind_description *kind, const char *name, bool *half) {
    char cut[NAME_MAX + 1];
    snprintf(cut, sizeof cut, "%s", name);
    *half = cut_partial(cut);
    for (int i = 0; i < MOST_FILES && kind->files[i]; i++)
        if (fnmatch(kind->files[i], cut, 0) == 0) return true;
    return false;
}

// *half: whether it is a mark that a file_writer had not finished.
static bool is_mark(const char *name, bool *half) {
    char cut[NAME_MAX + 1];
    snprintf(cut, sizeof cut, "%s", name);
    *half = cut_partial(cut);
    return strcmp(cut, MARK_NAME) == 0;
}

static bool is_folder_of(const kind_description *kind, const char *name) {
    return kind->folder && strcmp(name, kind->folder) == 0;
}

bool output_owns(output_kind kind, const char *name) {
    bool half;
    if (is_mark(name, &half)) return true;
    return kind < OUTPUT_KINDS && (is_folder_of(&kinds[kind], name) || is_file_of(&kinds[kind], name, &half));
}

bool output_half_written(output_kind kind, const char *name) {
    bool half;
    return (is_mark(name, &half) || (kind < OUTPUT_KINDS && is_file_of(&kinds[kind], name, &half))) && half;
}

// A search for the first entry that the program did not write.
typedef struct search {
    const kind_description *kind;
    bool in_folder;
    char *found; // [PATH_CAPACITY]; "": none
} search;

static sigmoe_status look_into(const search *s, int directory, const char *path, const char *name);

static sigmoe_status look_at_entry(void *context, int directory, const char *path, const char *name) {
    const search *s = context;
    struct stat about;
    if (*s->found) return SIGMOE_OK;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("cannot read %s/%s", path, name);
    bool folder = S_ISDIR(about.st_mode), own, half;
    if (s->in_folder)
        own = folder && fnmatch(s->kind->members, name, FNM_EXTMATCH) == 0;
    else if (output_name_stays(name) || is_folder_of(s->kind, name)) // a link in the folder's place, too
        own = true;
    else
        own = !folder && (is_mark(name, &half) || is_file_of(s->kind, name, &half));
    if (!own) return path_format(s->found, "%s/%s", path, name);
    return folder && !output_name_stays(name) ? look_into(s, directory, path, name) : SIGMOE_OK;
}

static sigmoe_status look_into(const search *s, int directory, const char *path, const char *name) {
    char below[PATH_CAPACITY];
    search next = {.kind = s->in_folder ? &kinds[s->kind->member] : s->kind,
        .in_folder = !s->in_folder,
        .found = s->found};
    TRY(path_format(below, "%s/%s", path, name));
    int descriptor = descriptor_open(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (descriptor < 0) return fail_errno("cannot read %s", below);
    sigmoe_status status = directory_each(descriptor, below, look_at_entry, &next);
    close(descriptor);
    return status;
}

// ---------------------------------------------------------------- permission to write

static sigmoe_status note_contents(void *context, int directory, const char *path, const char *name) {
    bool *bare = context, half;
    (void)directory, (void)path;
    bool replaced = strcmp(name, REPLACED_NAME) == 0 || strcmp(name, REPLACING_NAME) == 0;
    *bare = *bare && !replaced && (output_name_stays(name) || is_mark(name, &half));
    return SIGMOE_OK;
}

static sigmoe_status check_bare(int directory, const char *path, bool *bare) {
    *bare = true;
    return directory_each(directory, path, note_contents, bare);
}

sigmoe_status output_is_bare(const char *path, bool *bare) {
    int descriptor;
    TRY(directory_hold(path, "read", &descriptor));
    sigmoe_status status = check_bare(descriptor, path, bare);
    close(descriptor);
    return status;
}

static bool is_unsettled(int directory) {
    return path_exists_in(directory, REPLACED_NAME) || path_exists_in(directory, REPLACING_NAME);
}

bool output_unsettled(const char *path) {
    int descriptor;
    if (!path_exists(path) || directory_hold(path, "read", &descriptor) != SIGMOE_OK) return false;
    bool unsettled = is_unsettled(descriptor);
    close(descriptor);
    return unsettled;
}

static sigmoe_status check_own(int directory, const char *path) {
    char found[PATH_CAPACITY] = "";
    search s = {.kind = kind_of(directory, path), .found = found};
    if (is_unsettled(directory)) return SIGMOE_OK; // looked at again when that is undone
    if (!s.kind)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s exists already, and is no directory that sigmoe made, which alone `force` replaces: choose "
            "another name, or move it away",
            path);
    TRY(directory_each(directory, path, look_at_entry, &s));
    if (!*found) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "%s exists already, and `force` does not replace it since %s in it is not sigmoe's: move that away, "
        "or choose another name",
        path, found + strlen(path) + 1);
}

static sigmoe_status check_directory(int directory, const char *path, bool force) {
    bool bare;
    TRY(check_bare(directory, path, &bare));
    if (bare) return SIGMOE_OK;
    if (!force)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s exists already: choose another name, or add `force` to replace it", path);
    // Replacing "." must not empty the user's project.
    if (path_inside(".", path))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s holds the working directory and is not replaced: choose another name", path);
    return check_own(directory, path);
}

sigmoe_status output_check(const char *path, bool force) {
    struct stat about;
    int directory;
    if (*path == '\0') return fail(SIGMOE_BAD_ARGUMENT, "the output's name is empty");
    if (strcmp(path_leaf(path), "..") == 0)
        return fail(SIGMOE_BAD_ARGUMENT, "%s is no name for an output: end it in a name", path);
    bool there;
    TRY(path_find(path, &there));
    if (!there) return SIGMOE_OK;
    bool found = stat(path, &about) == 0;
    if (!found && errno != ENOENT && errno != ELOOP) return fail_errno("cannot read %s", path);
    if (!found || !S_ISDIR(about.st_mode))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s exists already and is no directory: choose another name, or move it away", path);
    TRY(directory_hold(path, "write", &directory));
    sigmoe_status status = check_directory(directory, path, force);
    close(directory);
    return status;
}

sigmoe_status output_spares(const char *out, const char *input, const char *what, const char *choice) {
    if (!input || !path_inside(input, out)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "%s holds %s %s: choose another %s", out, what, input, choice);
}
