#include "prepare/corpus.h"

#include "formats/json_objects.h"
#include "prepare/fetch/fetch.h"
#include "system/sha256.h"

#include <unistd.h>

#define CORPUS(name, function, sharded, tokenizer, fixed, help)                                              \
    {name, help, sharded, tokenizer, fixed, function},
static const corpus corpora[] = {
#include "prepare/corpora.inc"
};

int corpus_count(void) {
    return sizeof corpora / sizeof *corpora;
}
const corpus *corpus_at(int index) {
    return &corpora[index];
}

static sigmoe_status add_source(json_t *sources, const char *name, const char *path, arena *a) {
    char sha256[SHA256_HEX];
    int descriptor;
    int64_t size;
    TRY(file_open(path, &descriptor, &size));
    close(descriptor);
    TRY(sha256_file(path, sha256));
    json_t *source =
        json_pack("{s:o, s:I, s:s}", "name", json_name(name, a), "bytes", (json_int_t)size, "sha256", sha256);
    if (json_array_append_new(sources, source) == 0) return SIGMOE_OK;
    return fail(SIGMOE_NO_MEMORY, "no memory for the list of sources");
}

sigmoe_status corpus_record(const corpus_request *request, const char *name, const char *path) {
    arena *a;
    TRY(arena_create("source of a corpus", &a));
    sigmoe_status status = add_source(request->sources, name, path, a);
    arena_destroy(a);
    return status;
}

sigmoe_status corpus_fetch(const corpus_request *request, const corpus_file *file, char path[PATH_CAPACITY]) {
    char shown[PATH_CAPACITY];
    TRY(fetch(&(fetch_request){.urls = file->urls,
                  .count = file->url_count,
                  .keep = request->download,
                  .task = file->task,
                  .sha256 = file->sha256,
                  .most_bytes = file->most_bytes,
                  .offline = request->offline,
                  .observer = request->observer},
        path));
    url_shown(file->urls[0], shown);
    return corpus_record(request, shown, path);
}
