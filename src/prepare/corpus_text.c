// Any text, from files.
#include "base/progress.h"
#include "base/text_stream.h"
#include "formats/json_objects.h"
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/odd_bytes.h"
#include "prepare/tokenize.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_files {
    const corpus_request *request;
    corpus_input *inputs; // [count], those that are taken
    int count;
    int64_t skipped[SKIP_REASONS];
    char first_no_text[512]; // what the first file without text is
    odd_bytes odd;
} text_files;

static sigmoe_status open_file(
    const corpus_request *r, const corpus_input *input, arena *a, byte_source *out) {
    byte_source file;
    TRY(file_source_open(input->path, a, &file));
    if (!r->raw) return content_open(&file, input->name, CONTENT_MANY | CONTENT_OFFERS_RAW, a, out);
    *out = file;
    return SIGMOE_OK;
}

static sigmoe_status open_watched(const void *context, int part, arena *a, byte_source *out) {
    text_files *t = *(text_files *const *)context;
    byte_source text;
    TRY(open_file(t->request, &t->inputs[part], a, &text));
    return odd_bytes_watch(&t->odd, part, &text, a, out);
}

static sigmoe_status look_into_file(const corpus_request *r, const corpus_input *input) {
    arena *a;
    byte_source text = {0};
    TRY(arena_create("a file", &a));
    sigmoe_status status = open_file(r, input, a, &text);
    byte_source_close(&text);
    arena_destroy(a);
    return status;
}

// Before the work, which may take long: files that are named must be there and be text; of those in directories, what is no text
// is left out.
static sigmoe_status look_into_files(const corpus_request *r, arena *a, text_files *t) {
    TRY(ARENA_NEW(a, t->inputs, r->input_count));
    memcpy(t->skipped, r->skipped, sizeof t->skipped);
    for (int i = 0; i < r->input_count; i++) {
        sigmoe_status status = look_into_file(r, &r->inputs[i]);
        if (status == SIGMOE_OK) {
            t->inputs[t->count++] = r->inputs[i];
            continue;
        }
        if (status != SIGMOE_BAD_FORMAT || !r->inputs[i].looked) return status;
        if (t->skipped[SKIPPED_NO_TEXT]++ == 0)
            snprintf(t->first_no_text, sizeof t->first_no_text, "%s", sigmoe_message());
    }
    if (t->count > 0) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "there is no text in what was given; the first file: %s", t->first_no_text);
}

// ---------------------------------------------------------------- warnings

static const char *name_at(const text_files *t, const odd_finds *f) {
    return t->inputs[f->part].name;
}

static void note_odd_bytes(const text_files *t) {
    const sigmoe_observer *observer = t->request->observer;
    const odd_bytes *o = &t->odd;
    char broken[PATH_CAPACITY + 128] = "", nuls[PATH_CAPACITY + 128] = "";
    if (o->broken.count > 0)
        snprintf(broken, sizeof broken,
            "%" PRId64 " byte%s that %s no UTF-8 (the first is byte %" PRId64 " of %s)", o->broken.count,
            plural(o->broken.count), o->broken.count == 1 ? "is" : "are", o->broken.offset,
            name_at(t, &o->broken));
    if (o->nuls.count > 0)
        snprintf(nuls, sizeof nuls, "%" PRId64 " NUL%s (the first is byte %" PRId64 " of %s)", o->nuls.count,
            plural(o->nuls.count), o->nuls.offset, name_at(t, &o->nuls));
    if (*broken || *nuls)
        progress_note(observer, "warning: the text has %s%s%s, taken as they are%s", broken,
            *broken && *nuls ? " and " : "", nuls,
            *broken ? "; if it is in another encoding, convert it first (iconv -t UTF-8)" : "");
    if (o->marks.count > 0)
        progress_note(
            observer, "%s begins with a byte order mark, which stays in the text", name_at(t, &o->marks));
}

static sigmoe_status note_repeated(const text_files *t, arena *a) {
    const char *one, *other;
    TRY(inputs_find_same(t->inputs, t->count, a, &one, &other));
    if (one)
        progress_note(t->request->observer,
            "warning: %s and %s are the same file: a text that repeats itself is scored on what it was "
            "trained on",
            one, other);
    return SIGMOE_OK;
}

// "; skipped: hidden (2), no text (1: cover.png is ...)"; empty if nothing was.
static const char *skipped_text(const text_files *t, arena *a) {
    static const char *const reasons[SKIP_REASONS] = {[SKIPPED_HIDDEN] = "hidden",
        [SKIPPED_EMPTY] = "empty",
        [SKIPPED_LINK] = "links to directories or to nothing",
        [SKIPPED_SPECIAL] = "neither files nor directories",
        [SKIPPED_OURS] = "directories that sigmoe made",
        [SKIPPED_NO_TEXT] = "no text"};
    const char *text = "", *separator = "; skipped: ";
    for (int reason = 0; text && reason < SKIP_REASONS; reason++) {
        if (t->skipped[reason] == 0) continue;
        bool has_example = reason == SKIPPED_NO_TEXT;
        text = arena_text(a, "%s%s%s (%" PRId64 "%s%s)", text, separator, reasons[reason], t->skipped[reason],
            has_example ? ": " : "", has_example ? t->first_no_text : "");
        separator = ", ";
    }
    return text;
}

// What was taken where the user named directories or patterns, and what was not.
static sigmoe_status note_taken(const text_files *t, arena *a) {
    const char *skipped = skipped_text(t, a);
    bool looked = false;
    if (!skipped) return SIGMOE_NO_MEMORY;
    for (int i = 0; i < t->count; i++) looked |= t->inputs[i].looked;
    if (looked || *skipped)
        progress_note(t->request->observer, "took %d file%s, from %s to %s%s", t->count, plural(t->count),
            t->inputs[0].name, t->inputs[t->count - 1].name, skipped);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- splits

typedef struct shuffled_text {
    const raw_text *text;
    const file_split *split;
} shuffled_text;

static sigmoe_status open_shuffled(const void *context, int part, arena *a, byte_source *out) {
    const shuffled_text *s = context;
    return s->text->open(s->text->context, s->split->order[part], a, out);
}

static double percent_of(const file_split *s, int split) {
    return 100 * (double)(s->starts[split + 1] - s->starts[split]) / (double)s->starts[SPLITS];
}

static void note_split(const text_files *t, const file_split *s, bool whole_files) {
    const sigmoe_observer *observer = t->request->observer;
    if (whole_files)
        progress_note(observer,
            "split by files, each whole in one split, in a shuffled order: train %d (%.1f %% of the bytes), "
            "valid %d (%.1f %%), test %d (%.1f %%)",
            s->files[0], percent_of(s, 0), s->files[1], percent_of(s, 1), s->files[2], percent_of(s, 2));
    else if (t->count > 1)
        progress_note(observer,
            "split as one text, at 90 and 95 %% of the bytes, the %d files in their order%s", t->count,
            t->request->split == SPLIT_USUAL ? ", since whole files would not come near to that (`split` "
                                               "shuffle-files takes them all the same)"
                                             : "");
}

// Whole files if the user says so, or says nothing and they come near enough to 90, 5 and 5 %.
static sigmoe_status choose_split(
    const text_files *t, const raw_survey *survey, arena *a, file_split *out, bool *whole_files) {
    split_way way = t->request->split;
    TRY(split_files(survey->part_bytes, t->count, a, out));
    *whole_files = way == SPLIT_SHUFFLE_FILES || (way == SPLIT_USUAL && split_files_fit(out));
    if (way == SPLIT_SHUFFLE_FILES && !split_files_suffice(out))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%d file%s cannot make a train, a valid and a test split as wholes: give %d or more with text, "
            "or `split` sequential",
            t->count, plural(t->count), SPLITS);
    note_split(t, out, *whole_files);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the list of files

typedef struct file_list {
    const text_files *files;
    const raw_survey *survey;
    const file_split *split;
    arena *memory;
} file_list;

static sigmoe_status print_file(FILE *out, const file_list *l, int split, int index) {
    json_t *line = json_object();
    sigmoe_status status = json_put(line, "split", json_string(split_names[split]));
    if (status == SIGMOE_OK)
        status = json_put(line, "file", json_name(l->files->inputs[index].name, l->memory));
    if (status == SIGMOE_OK) status = json_put(line, "bytes", json_integer(l->survey->part_bytes[index]));
    if (status == SIGMOE_OK && (json_dumpf(line, out, JSON_COMPACT) != 0 || fputc('\n', out) == EOF))
        status = fail(SIGMOE_NO_MEMORY, "no memory for the list of files");
    json_decref(line);
    return status;
}

static sigmoe_status print_files(FILE *out, const void *context) {
    const file_list *l = context;
    int place = 0;
    for (int split = 0; split < SPLITS; split++)
        for (int i = 0; i < l->split->files[split]; i++)
            TRY(print_file(out, l, split, l->split->order[place++]));
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the whole corpus

static void print_names(FILE *out, const text_files *t) {
    const corpus_request *r = t->request;
    fputs("text:", out);
    for (int given = 0, i = 0; given < r->given_count; given++) {
        int first = i;
        while (i < t->count && t->inputs[i].given == given) i++;
        if (i == first + 1 && !t->inputs[first].looked)
            fprintf(out, " %s", t->inputs[first].name);
        else
            fprintf(out, " %s (%d file%s)", r->given[given], i - first, plural(i - first));
    }
}

// As the user named them: "text: a.txt books (37 files)".
static sigmoe_status names_of(const text_files *t, arena *a, const char **out) {
    text_stream names;
    TRY(text_stream_open(&names));
    print_names(names.out, t);
    TRY(text_stream_close(&names));
    *out = arena_text(a, "%s", names.text);
    free(names.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status split_and_tokenize(
    const text_files *t, const raw_text *text, const raw_survey *survey, arena *a) {
    file_split split;
    bool whole_files;
    char path[PATH_CAPACITY];
    TRY(choose_split(t, survey, a, &split, &whole_files));
    if (!whole_files) return corpus_tokenize_surveyed(t->request, text, survey);
    const shuffled_text context = {text, &split};
    raw_text shuffled = *text;
    shuffled.open = open_shuffled;
    shuffled.context = &context;
    shuffled.files = &split;
    TRY(corpus_tokenize_surveyed(t->request, &shuffled, survey));
    TRY(path_format(path, "%s/files.jsonl", t->request->directory));
    return file_print(path, print_files, &(file_list){t, survey, &split, a});
}

static sigmoe_status tokenize(text_files *t, arena *a) {
    const corpus_request *r = t->request;
    raw_survey survey;
    TRY(look_into_files(r, a, t));
    TRY(note_taken(t, a));
    TRY(note_repeated(t, a));
    raw_text text = {.name = t->count == 1 ? t->inputs[0].name : "the text",
        .parts = t->count,
        .open = open_watched,
        .context = &t};
    TRY(names_of(t, a, &text.source));
    sigmoe_status status = raw_text_survey(&text, r->observer, a, &survey);
    if (status == SIGMOE_OK) status = split_and_tokenize(t, &text, &survey, a);
    note_odd_bytes(t);
    return status;
}

sigmoe_status corpus_text(const corpus_request *request) {
    if (request->input_count < 1) return fail(SIGMOE_BAD_ARGUMENT, "text: name one or more files");
    arena *a;
    text_files files = {.request = request};
    TRY(arena_create("text", &a));
    sigmoe_status status = tokenize(&files, a);
    arena_destroy(a);
    return status;
}
