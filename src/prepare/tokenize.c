#include "prepare/tokenize.h"

#include "prepare/tokenize_bytes.h"
#include "prepare/tokenize_sentencepiece.h"

sigmoe_status corpus_tokenize_surveyed(
    const corpus_request *request, const raw_text *text, const raw_survey *survey) {
    if (request->tokenizer == TOKENIZER_BYTES)
        return tokenize_bytes(text, survey, request->directory, request->observer);
    return tokenize_raw_sentencepiece(
        text, survey, request->vocab_size, request->directory, request->observer);
}

sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text) {
    arena *a;
    raw_survey survey;
    TRY(arena_create("survey of a text", &a));
    sigmoe_status status = raw_text_survey(text, request->observer, a, &survey);
    if (status == SIGMOE_OK) status = corpus_tokenize_surveyed(request, text, &survey);
    arena_destroy(a);
    return status;
}
