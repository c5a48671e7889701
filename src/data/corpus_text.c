// Any text, as files.
#include "data/corpus.h"

static sigmoe_status open_file(const void *context, int part, arena *a, byte_source *out) {
    const corpus_request *request = context;
    return file_source_open(request->inputs[part], a, out);
}

static sigmoe_status names_of(const corpus_request *request, arena *a, const char **out) {
    const char *names = "text:";
    for (int i = 0; names && i < request->input_count; i++)
        names = arena_text(a, "%s %s", names, request->inputs[i]);
    *out = names;
    return names ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status corpus_text(const corpus_request *request) {
    if (request->input_count < 1) return fail(SIGMOE_BAD_ARGUMENT, "text: name one or more files");
    arena *a;
    TRY(arena_create("text", &a));
    raw_text text = {.name = request->input_count == 1 ? request->inputs[0] : "the text",
        .parts = request->input_count,
        .open = open_file,
        .context = request};
    sigmoe_status status = names_of(request, a, &text.source);
    if (status == SIGMOE_OK) status = corpus_tokenize(request, &text);
    arena_destroy(a);
    return status;
}
