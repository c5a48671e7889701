// From a corpus to a directory of token shards.
#include "base/option.h"
#include "data/corpus.h"
#include "formats/file.h"

#include <string.h>

static sigmoe_status find_corpus(const char *kind, const corpus **out) {
    enum { MOST_CORPORA = 32 };
    const char *names[MOST_CORPORA];
    int count = corpus_count() < MOST_CORPORA ? corpus_count() : MOST_CORPORA;
    for (int i = 0; i < count; i++) {
        names[i] = corpus_at(i)->name;
        if (strcmp(names[i], kind) != 0) continue;
        *out = corpus_at(i);
        return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_ARGUMENT, "unknown corpus \"%s\"; did you mean \"%s\"?", kind,
        nearest_name(kind, names, count));
}

// Replacing `out` must not remove what is read.
static sigmoe_status keep_inputs(const sigmoe_prepare_request *request, const char *out) {
    for (int i = 0; i < request->input_count; i++)
        if (path_inside(request->inputs[i], out))
            return fail(
                SIGMOE_BAD_ARGUMENT, "%s holds the input %s: choose another output", out, request->inputs[i]);
    return SIGMOE_OK;
}

// Written aside: what fails or is interrupted leaves nothing but a download that can be resumed.
static sigmoe_status prepare_aside(const corpus *c, const sigmoe_prepare_request *request, const char *out,
    const sigmoe_observer *observer) {
    char partial[PATH_CAPACITY], download[PATH_CAPACITY];
    TRY(path_format(partial, "%s.partial", out));
    TRY(path_format(download, "%s.download", out));
    TRY(output_claim(partial, true)); // of a run that was killed
    TRY(directory_make(partial));
    sigmoe_status status = c->prepare(&(corpus_request){.inputs = request->inputs,
        .input_count = request->input_count,
        .directory = partial,
        .download = download,
        .observer = observer});
    if (status == SIGMOE_OK) status = output_claim(out, request->force);
    if (status == SIGMOE_OK) status = directory_commit(partial, out);
    if (status == SIGMOE_OK) return SIGMOE_OK;
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", sigmoe_message());
    directory_remove(partial);
    return fail(status, "%s", reason);
}

sigmoe_status sigmoe_prepare(const sigmoe_prepare_request *request, const sigmoe_observer *observer) {
    const corpus *c = NULL;
    char out[PATH_CAPACITY];
    if (!request->kind || !request->out)
        return fail(SIGMOE_BAD_ARGUMENT, "prepare needs a kind of corpus and an output directory");
    TRY(find_corpus(request->kind, &c));
    TRY(path_format(out, "%s", request->out));
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--) out[n - 1] = '\0';
    if (!request->force) TRY(output_claim(out, false)); // before the work, not after it
    TRY(keep_inputs(request, out));
    return prepare_aside(c, request, out, observer);
}
