#include "prepare/tokenize.h"

#include "prepare/tokenize_bytes.h"
#include "prepare/tokenize_sentencepiece.h"

sigmoe_status corpus_tokenize(const corpus_request *request, const raw_text *text) {
    if (request->tokenizer == TOKENIZER_BYTES)
        return tokenize_bytes(text, request->directory, request->observer);
    return tokenize_raw_sentencepiece(text, request->vocab_size, request->directory, request->observer);
}
