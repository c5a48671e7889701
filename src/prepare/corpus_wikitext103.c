// WikiText-103: the good and featured articles of the English Wikipedia (Merity et al. 2016), as words. Its splits are separate
// files, in a zip archive or unpacked. The raw edition has the same articles with rare words and the original spacing.
#include "prepare/archive/archive.h"
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/fetch/fetch.h"
#include "prepare/tokenize_sentencepiece.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The first host no longer serves it.
static const char *const homes[] = {
    "https://wikitext.smerity.com/wikitext-103-v1.zip",
    "https://bj.bcebos.com/paddlenlp/datasets/wikitext-103-v1.zip",
    "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-v1.zip",
};
static const char home_sha256[] = "242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590";
enum { TOKENS, RAW, EDITIONS };
enum { MOST_BYTES = 2000 * 1000 * 1000 }; // its text has 540 million bytes
static const char *const names[EDITIONS][SPLITS] = {
    {"wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"},
    {"wiki.train.raw", "wiki.valid.raw", "wiki.test.raw"},
};

typedef struct split_file {
    const char *path;  // within the archive or directory; NULL: it is not there
    const char *again; // path of another file of that name
    bool link;         // in an archive: has no contents of its own
} split_file;

typedef struct wikitext {
    const char *name; // for messages and meta.json: what the user gave, or the URL
    const char *path; // of the archive or directory
    bool unpacked;    // a directory
    split_file found[EDITIONS][SPLITS];
    const split_file *files; // of the edition that is taken
    arena *memory;
} wikitext;

// ---------------------------------------------------------------- finding the files

static bool is_directory(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static split_file *place_of(wikitext *w, const char *path) {
    for (int edition = 0; edition < EDITIONS && !archive_path_is_litter(path); edition++)
        for (int split = 0; split < SPLITS; split++)
            if (strcmp(path_leaf(path), names[edition][split]) == 0) return &w->found[edition][split];
    return NULL;
}

static sigmoe_status note_file(void *context, const char *path, bool link) {
    wikitext *w = context;
    split_file *file = place_of(w, path);
    if (!file || file->again) return SIGMOE_OK;
    const char *copy = arena_text(w->memory, "%s", path);
    if (!copy) return SIGMOE_NO_MEMORY;
    if (file->path) {
        file->again = copy;
    } else {
        file->path = copy;
        file->link = link;
    }
    return SIGMOE_OK;
}

static bool has_edition(const wikitext *w, int edition) {
    for (int split = 0; split < SPLITS; split++)
        if (w->found[edition][split].path) return true;
    return false;
}

// Looks for the files in `folder` ("", or a name and a slash) of the directory, but not in folders below it.
static sigmoe_status look_in_folder(wikitext *w, const char *folder) {
    char path[PATH_CAPACITY], **entries;
    int count = 0;
    TRY(path_format(path, "%s/%s", w->path, folder));
    TRY(directory_list(path, w->memory, &entries, &count));
    for (int i = 0; i < count; i++) {
        TRY(path_format(path, "%s/%s%s", w->path, folder, entries[i]));
        if (is_directory(path)) continue;
        TRY(path_format(path, "%s%s", folder, entries[i]));
        TRY(note_file(w, path, false));
    }
    return SIGMOE_OK;
}

// Looks in the directory itself or, if it has none of the files, in its folders.
static sigmoe_status look_in_directory(wikitext *w) {
    char path[PATH_CAPACITY], **entries;
    int count = 0;
    TRY(look_in_folder(w, ""));
    if (has_edition(w, TOKENS) || has_edition(w, RAW)) return SIGMOE_OK;
    TRY(directory_list(w->path, w->memory, &entries, &count));
    for (int i = 0; i < count; i++) {
        TRY(path_format(path, "%s/%s", w->path, entries[i]));
        if (!is_directory(path)) continue;
        TRY(path_format(path, "%s/", entries[i]));
        TRY(look_in_folder(w, path));
    }
    return SIGMOE_OK;
}

static sigmoe_status look_in_archive(wikitext *w) {
    byte_source archive;
    TRY(file_source_open(w->path, w->memory, &archive));
    return archive_list(&archive, w->name, w->memory, note_file, w);
}

static bool same_folder(const char *a, const char *b) {
    ptrdiff_t length = path_leaf(a) - a;
    return length == path_leaf(b) - b && memcmp(a, b, (size_t)length) == 0;
}

// There must be one file for each split, all in one folder: files in two places may be two corpora.
static sigmoe_status check_file(const wikitext *w, int split) {
    const split_file *first = &w->files[0], *file = &w->files[split];
    const char *const *wanted = names[w->files == w->found[RAW] ? RAW : TOKENS];
    if (!file->path) return fail(SIGMOE_BAD_FORMAT, "%s holds no %s", w->name, wanted[split]);
    if (file->again)
        return fail(SIGMOE_BAD_FORMAT,
            "%s holds two files %s: %s and %s; give a directory with the right ones alone", w->name,
            wanted[split], file->path, file->again);
    if (!same_folder(first->path, file->path))
        return fail(SIGMOE_BAD_FORMAT,
            "%s holds %s and %s, in different folders; give a directory with the three files of one corpus",
            w->name, first->path, file->path);
    if (file->link)
        return fail(SIGMOE_BAD_FORMAT,
            "%s holds %s only as a link to another file; unpack it and give the directory", w->name,
            file->path);
    return SIGMOE_OK;
}

static sigmoe_status choose_files(wikitext *w) {
    int edition = !has_edition(w, TOKENS) && has_edition(w, RAW) ? RAW : TOKENS;
    w->files = w->found[edition];
    if (!has_edition(w, edition))
        return fail(SIGMOE_BAD_FORMAT, "%s holds no %s, and no %s", w->name, names[TOKENS][0], names[RAW][0]);
    for (int split = 0; split < SPLITS; split++) TRY(check_file(w, split));
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- reading

static sigmoe_status open_split(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)part;
    const wikitext *w = context;
    const char *path = w->files[split].path;
    byte_source archive, file;
    if (w->unpacked) {
        char file_path[PATH_CAPACITY];
        TRY(path_format(file_path, "%s/%s", w->path, path));
        TRY(file_source_open(file_path, a, &file));
    } else {
        TRY(file_source_open(w->path, a, &archive));
        TRY(archive_open(&archive, path, w->name, a, &file));
    }
    return content_open(&file, path, CONTENT_KNOWN, a, out);
}

static const char *split_name(const void *context, int split, int part) {
    (void)part;
    return ((const wikitext *)context)->files[split].path;
}

// Before training the tokenizer, which takes long: checks that each split can be read and is not empty.
static sigmoe_status try_split(const wikitext *w, int split) {
    byte_source source = {0};
    arena_mark mark = arena_here(w->memory);
    bool empty = false;
    sigmoe_status status = open_split(w, split, 0, w->memory, &source);
    if (status == SIGMOE_OK) status = byte_source_is_empty(&source, &empty);
    arena_release(w->memory, mark);
    return empty ? fail(SIGMOE_BAD_FORMAT, "%s: %s is empty", w->name, w->files[split].path) : status;
}

static sigmoe_status find_splits(wikitext *w) {
    w->unpacked = is_directory(w->path);
    TRY(w->unpacked ? look_in_directory(w) : look_in_archive(w));
    TRY(choose_files(w));
    for (int split = 0; split < SPLITS; split++) TRY(try_split(w, split));
    return SIGMOE_OK;
}

static sigmoe_status describe_source(const wikitext *w, const char **out) {
    *out = w->files == w->found[RAW] ? arena_text(w->memory, "%s (raw edition)", w->name) : w->name;
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status tokenize_files(const corpus_request *request, wikitext *w) {
    const char *source;
    TRY(find_splits(w));
    TRY(describe_source(w, &source));
    const split_text text = {.name = w->name,
        .source = source,
        .split_by = split_by_source,
        .format = SENTENCE_LINES,
        .parts = {1, 1, 1},
        .training_parts = 1,
        .training_bytes = DEFAULT_TRAINING_BYTES,
        .open = open_split,
        .part_name = split_name,
        .context = w};
    return tokenize_sentencepiece(&text, request->vocab_size, request->directory, request->observer);
}

static sigmoe_status tokenize(const corpus_request *request, const char *path, const char *name) {
    wikitext w = {.name = name, .path = path};
    TRY(arena_create("WikiText-103", &w.memory));
    sigmoe_status status = tokenize_files(request, &w);
    arena_destroy(w.memory);
    return status;
}

static sigmoe_status from_urls(
    const corpus_request *request, const char *const *urls, int count, const char *name, const char *sha256) {
    char path[PATH_CAPACITY];
    TRY(corpus_fetch(request,
        &(corpus_file){.urls = urls,
            .url_count = count,
            .task = "download WikiText-103",
            .sha256 = sha256,
            .most_bytes = MOST_BYTES},
        path));
    sigmoe_status status = tokenize(request, path, name);
    // Wrong contents must be downloaded again; after any other failure, a retry can use what has been downloaded.
    if (status == SIGMOE_BAD_FORMAT) unlink(path);
    return status;
}

sigmoe_status corpus_wikitext103(const corpus_request *request) {
    const corpus_input *input = request->inputs;
    if (request->input_count > 1)
        return fail(SIGMOE_BAD_ARGUMENT, "wikitext103: name at most one archive, directory or URL");
    if (request->input_count == 0)
        return from_urls(request, homes, sizeof homes / sizeof *homes, homes[0], home_sha256);
    return is_url(input->path) ? from_urls(request, &input->path, 1, input->name, NULL)
                               : tokenize(request, input->path, input->name);
}
