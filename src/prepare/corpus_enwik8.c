// enwik8: the first 10^8 bytes of the English Wikipedia dump of March 2006.
#include "prepare/archive/content.h"
#include "prepare/corpus.h"
#include "prepare/fetch/fetch.h"
#include "prepare/tokenize.h"

#include <unistd.h>

static const char home[] = "http://mattmahoney.net/dc/enwik8.zip";
const char *corpus_enwik8_sha256 =
    "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"; // of the raw text
enum { ENWIK8_BYTES = 100 * 1000 * 1000, MOST_BYTES = 2 * ENWIK8_BYTES };

typedef struct enwik8_file {
    const char *path;
    const char *source; // the same, or the URL that it is from
} enwik8_file;

static sigmoe_status open_enwik8(const void *context, int part, arena *a, byte_source *out) {
    (void)part;
    const enwik8_file *f = context;
    byte_source file;
    TRY(file_source_open(f->path, a, &file));
    return content_open(&file, f->source, 0, a, out);
}

static sigmoe_status tokenize(const corpus_request *request, const char *path, const char *source) {
    const enwik8_file file = {path, source};
    raw_text text = {.name = source,
        .source = source,
        .parts = 1,
        .open = open_enwik8,
        .context = &file,
        .bytes = ENWIK8_BYTES,
        .sha256 = corpus_enwik8_sha256,
        .exact_cuts = true};
    return corpus_tokenize(request, &text);
}

static sigmoe_status from_url(const corpus_request *request, const char *url, const char *name) {
    char path[PATH_CAPACITY];
    TRY(corpus_fetch(request,
        &(corpus_file){.urls = &url, .url_count = 1, .task = "download enwik8", .most_bytes = MOST_BYTES},
        path));
    sigmoe_status status = tokenize(request, path, name);
    // Wrong contents must be downloaded again; after any other failure, a retry can use what has been downloaded.
    if (status == SIGMOE_BAD_FORMAT) unlink(path);
    return status;
}

sigmoe_status corpus_enwik8(const corpus_request *request) {
    const corpus_input *input = request->inputs;
    if (request->input_count > 1) return fail(SIGMOE_BAD_ARGUMENT, "enwik8: name at most one file or URL");
    if (request->input_count == 0) return from_url(request, home, home);
    return is_url(input->path) ? from_url(request, input->path, input->name)
                               : tokenize(request, input->path, input->name);
}
