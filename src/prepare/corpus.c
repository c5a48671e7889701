#include "prepare/corpus.h"

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
