// WikiText-103: the good and featured articles of the English Wikipedia (Merity et al. 2016), as words; its splits are
// files of their own, in a zip or unpacked.
#include "data/archive.h"
#include "data/corpus.h"
#include "data/fetch.h"
#include "data/tokenize_sentencepiece.h"

#include <sys/stat.h>
#include <unistd.h>

// The first host no longer serves it.
static const char *const homes[] = {
    "https://wikitext.smerity.com/wikitext-103-v1.zip",
    "https://bj.bcebos.com/paddlenlp/datasets/wikitext-103-v1.zip",
    "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-v1.zip",
};
static const char home_sha256[] = "242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590";
static const char *const members[SPLITS] = {"wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"};

static bool is_directory(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static sigmoe_status open_member(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)part;
    const char *path = context;
    char file[PATH_CAPACITY];
    byte_source archive;
    if (is_directory(path)) {
        TRY(path_format(file, "%s/%s", path, members[split]));
        return file_source_open(file, a, out);
    }
    TRY(file_source_open(path, a, &archive));
    return archive_find(&archive, members[split], path, a, out);
}

static const char *member_name(const void *context, int split, int part) {
    (void)context, (void)part;
    return members[split];
}

static sigmoe_status tokenize(const corpus_request *request, const char *path, const char *source) {
    const split_text text = {.name = source,
        .source = source,
        .format = SENTENCE_LINES,
        .parts = {1, 1, 1},
        .training_parts = 1,
        .training_bytes = DEFAULT_TRAINING_BYTES,
        .open = open_member,
        .part_name = member_name,
        .context = path};
    return tokenize_sentencepiece(&text, request->vocab_size, request->directory, request->observer);
}

static sigmoe_status from_urls(
    const corpus_request *request, const char *const *urls, int count, const char *sha256) {
    char path[PATH_CAPACITY];
    TRY(fetch(&(fetch_request){.urls = urls,
                  .count = count,
                  .keep = request->download,
                  .task = "download WikiText-103",
                  .sha256 = sha256,
                  .observer = request->observer},
        path));
    sigmoe_status status = tokenize(request, path, urls[0]);
    // Kept only where a later try can use it: wrong contents must be fetched anew.
    if (status != SIGMOE_INTERRUPTED) unlink(path);
    return status;
}

sigmoe_status corpus_wikitext103(const corpus_request *request) {
    if (request->input_count > 1)
        return fail(SIGMOE_BAD_ARGUMENT, "wikitext103: name at most one archive, directory or URL");
    if (request->input_count == 0)
        return from_urls(request, homes, sizeof homes / sizeof *homes, home_sha256);
    const char *input = request->inputs[0];
    return is_url(input) ? from_urls(request, &input, 1, NULL) : tokenize(request, input, input);
}
