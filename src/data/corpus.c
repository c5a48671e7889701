#include "data/corpus.h"
#include "data/tokenize_bytes.h"
#include "data/tokenize_sentencepiece.h"

#define CORPUS(name, function, sharded, tokenizer, fixed, help)                                              \
    {name, help, sharded, tokenizer, fixed, function},
static const corpus corpora[] = {
#include "data/corpora.inc"
};

int corpus_count(void) {
    return sizeof corpora / sizeof *corpora;
}
const corpus *corpus_at(int index) {
    return &corpora[index];
}

sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text) {
    if (request->tokenizer == TOKENIZER_BYTES)
        return tokenize_bytes(text, request->directory, request->observer);
    return tokenize_raw_sentencepiece(text, request->vocab_size, request->directory, request->observer);
}
