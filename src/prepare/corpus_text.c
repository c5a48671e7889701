// Any text, from files.
#include "base/progress.h"
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/odd_bytes.h"
#include "prepare/tokenize.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct text_files {
    const corpus_request *request;
    odd_bytes odd;
} text_files;

static sigmoe_status open_file(const corpus_request *r, int part, arena *a, byte_source *out) {
    byte_source file;
    TRY(file_source_open(r->inputs[part].path, a, &file));
    if (!r->raw) return content_open(&file, r->inputs[part].name, CONTENT_MANY | CONTENT_OFFERS_RAW, a, out);
    *out = file;
    return SIGMOE_OK;
}

static sigmoe_status open_watched(const void *context, int part, arena *a, byte_source *out) {
    text_files *t = *(text_files *const *)context;
    byte_source text;
    TRY(open_file(t->request, part, a, &text));
    return odd_bytes_watch(&t->odd, part, &text, a, out);
}

// Before the work, which may take long: reports files that are missing or not text.
static sigmoe_status look_into_files(const corpus_request *r) {
    for (int part = 0; part < r->input_count; part++) {
        arena *a;
        byte_source text = {0};
        TRY(arena_create("a file", &a));
        sigmoe_status status = open_file(r, part, a, &text);
        byte_source_close(&text);
        arena_destroy(a);
        TRY(status);
    }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- warnings

static const char *name_at(const corpus_request *r, const odd_finds *f) {
    return r->inputs[f->part].name;
}

static void note_odd_bytes(const corpus_request *r, const odd_bytes *o) {
    char broken[PATH_CAPACITY + 128] = "", nuls[PATH_CAPACITY + 128] = "";
    if (o->broken.count > 0)
        snprintf(broken, sizeof broken,
            "%" PRId64 " byte%s that %s no UTF-8 (the first is byte %" PRId64 " of %s)", o->broken.count,
            plural(o->broken.count), o->broken.count == 1 ? "is" : "are", o->broken.offset,
            name_at(r, &o->broken));
    if (o->nuls.count > 0)
        snprintf(nuls, sizeof nuls, "%" PRId64 " NUL%s (the first is byte %" PRId64 " of %s)", o->nuls.count,
            plural(o->nuls.count), o->nuls.offset, name_at(r, &o->nuls));
    if (*broken || *nuls)
        progress_note(r->observer, "warning: the text has %s%s%s, taken as they are%s", broken,
            *broken && *nuls ? " and " : "", nuls,
            *broken ? "; if it is in another encoding, convert it first (iconv -t UTF-8)" : "");
    if (o->marks.count > 0)
        progress_note(
            r->observer, "%s begins with a byte order mark, which stays in the text", name_at(r, &o->marks));
}

static sigmoe_status note_repeated(const corpus_request *r, arena *a) {
    const char *one, *other;
    TRY(inputs_find_same(r->inputs, r->input_count, a, &one, &other));
    if (one)
        progress_note(r->observer,
            "warning: %s and %s are the same file: a text that repeats itself is scored on what it was "
            "trained on",
            one, other);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the whole corpus

static sigmoe_status names_of(const corpus_request *request, arena *a, const char **out) {
    const char *names = "text:";
    for (int i = 0; names && i < request->input_count; i++)
        names = arena_text(a, "%s %s", names, request->inputs[i].name);
    *out = names;
    return names ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status tokenize(const corpus_request *request, text_files *files, arena *a) {
    raw_text text = {.name = request->input_count == 1 ? request->inputs[0].name : "the text",
        .parts = request->input_count,
        .open = open_watched,
        .context = &files};
    TRY(names_of(request, a, &text.source));
    TRY(look_into_files(request));
    TRY(note_repeated(request, a));
    sigmoe_status status = corpus_tokenize(request, &text);
    note_odd_bytes(request, &files->odd);
    return status;
}

sigmoe_status corpus_text(const corpus_request *request) {
    if (request->input_count < 1) return fail(SIGMOE_BAD_ARGUMENT, "text: name one or more files");
    arena *a;
    text_files files = {.request = request};
    TRY(arena_create("text", &a));
    sigmoe_status status = tokenize(request, &files, a);
    arena_destroy(a);
    return status;
}
