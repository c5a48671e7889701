#include "prepare/inputs.h"

#include "base/progress.h"
#include "prepare/fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, WAIT_MILLISECONDS = 100 };
static const char standard_input[] = "standard input";

static bool is_standard_input(const char *given) {
    return strcmp(given, "-") == 0;
}

// Whether the input can be read only once. Anything else that is not a file is refused when it is opened.
static bool is_read_once(const char *given) {
    struct stat about;
    if (is_url(given)) return false;
    if (is_standard_input(given)) return true;
    return stat(given, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode));
}

// ---------------------------------------------------------------- copying

typedef struct copy {
    const char *name;
    int descriptor;
    file_writer writer;
    progress_meter meter;
    char block[BLOCK];
} copy;

// Waits for bytes or the end of the input, while the observer may ask to stop. A pipe without a writer yet has neither.
static sigmoe_status await_bytes(copy *c, size_t *count) {
    for (;;) {
        TRY(progress_at(&c->meter, c->meter.state.done));
        if (poll(&(struct pollfd){.fd = c->descriptor, .events = POLLIN}, 1, WAIT_MILLISECONDS) < 1) continue;
        ssize_t got = read(c->descriptor, c->block, BLOCK);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return fail_errno("cannot read %s", c->name);
        *count = (size_t)got;
        return SIGMOE_OK;
    }
}

static sigmoe_status copy_bytes(copy *c) {
    for (;;) {
        size_t count = 0;
        TRY(await_bytes(c, &count));
        if (count == 0) return SIGMOE_OK;
        TRY(file_writer_write(&c->writer, c->block, count));
        TRY(progress_at(&c->meter, c->meter.state.done + (double)count));
    }
}

static sigmoe_status copy_to(copy *c, const char *path, const sigmoe_observer *observer) {
    TRY(file_writer_open(&c->writer, path));
    progress_begin(&c->meter, observer, "read", "bytes", 0, NAN);
    sigmoe_status status = copy_bytes(c);
    if (status == SIGMOE_OK) progress_end(&c->meter);
    return file_writer_end(&c->writer, status);
}

static sigmoe_status copy_input(
    const char *given, const char *name, const char *path, const sigmoe_observer *observer, arena *a) {
    copy *c;
    TRY(ARENA_NEW(a, c, 1));
    bool standard = is_standard_input(given);
    c->name = name;
    c->descriptor = standard ? STDIN_FILENO : open(given, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (c->descriptor < 0) return fail_errno("cannot read %s", name);
    if (isatty(c->descriptor)) progress_note(observer, "%s is a terminal: end the text with Ctrl-D", name);
    sigmoe_status status = copy_to(c, path, observer);
    if (!standard) close(c->descriptor);
    return status;
}

// ---------------------------------------------------------------- all inputs

static sigmoe_status refuse_twice(const corpus_input *inputs, int count) {
    const corpus_input *last = &inputs[count - 1];
    for (int i = 0; i < count - 1; i++)
        if (inputs[i].copied && strcmp(inputs[i].name, last->name) == 0)
            return fail(SIGMOE_BAD_ARGUMENT, "%s is named twice, but can be read only once", last->name);
    return SIGMOE_OK;
}

static sigmoe_status name_of(const char *given, arena *a, const char **name) {
    char shown[PATH_CAPACITY];
    *name = is_standard_input(given) ? standard_input : given;
    if (!is_url(given)) return SIGMOE_OK;
    url_shown(given, shown);
    *name = arena_text(a, "%s", shown);
    return *name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status name_inputs(const found_files *found, arena *a, corpus_input *inputs) {
    for (int i = 0; i < found->count; i++) {
        const found_file *f = &found->files[i];
        const char *name;
        TRY(name_of(f->path, a, &name));
        inputs[i] = (corpus_input){.name = name,
            .path = f->path,
            .given = f->given,
            .looked = f->looked,
            .copied = !f->looked && is_read_once(f->path)};
        if (inputs[i].copied) TRY(refuse_twice(inputs, i + 1));
    }
    return SIGMOE_OK;
}

sigmoe_status inputs_collect(const found_files *found, const char *directory, const sigmoe_observer *observer,
    arena *a, corpus_input **out) {
    TRY(ARENA_NEW(a, *out, found->count));
    TRY(name_inputs(found, a, *out));
    for (int i = 0; i < found->count; i++) {
        corpus_input *input = &(*out)[i];
        if (!input->copied) continue;
        input->path = arena_text(a, "%s/input-%d", directory, i);
        if (!input->path) return SIGMOE_NO_MEMORY;
        TRY(copy_input(found->files[i].path, input->name, input->path, observer, a));
    }
    return SIGMOE_OK;
}

void inputs_remove_copies(const corpus_input *inputs, int count) {
    for (int i = 0; i < count; i++)
        if (inputs[i].copied) unlink(inputs[i].path);
}

// ---------------------------------------------------------------- duplicates

// Identity of an input regardless of its name: a file's inode and device; for anything else, the path, of a URL the whole.
typedef struct identity {
    const char *name, *path;
    bool is_file;
    dev_t device;
    ino_t number;
} identity;

static identity identify(const corpus_input *input) {
    struct stat about;
    if (is_url(input->path) || stat(input->path, &about) != 0)
        return (identity){.name = input->name, .path = input->path};
    return (identity){input->name, input->path, true, about.st_dev, about.st_ino};
}

static int compare_identities(const void *a, const void *b) {
    const identity *x = a, *y = b;
    if (x->is_file != y->is_file) return x->is_file - y->is_file;
    if (!x->is_file) return strcmp(x->path, y->path);
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

sigmoe_status inputs_find_same(
    const corpus_input *inputs, int count, arena *a, const char **one, const char **other) {
    identity *all;
    *one = *other = NULL;
    TRY(ARENA_NEW(a, all, count));
    for (int i = 0; i < count; i++) all[i] = identify(&inputs[i]);
    qsort(all, (size_t)count, sizeof *all, compare_identities);
    for (int i = 1; i < count; i++) {
        if (compare_identities(&all[i - 1], &all[i]) != 0) continue;
        bool in_order = strcmp(all[i - 1].name, all[i].name) < 0;
        *one = all[in_order ? i - 1 : i].name;
        *other = all[in_order ? i : i - 1].name;
        return SIGMOE_OK;
    }
    return SIGMOE_OK;
}
