#include "data/corpus.h"

#define CORPUS(name, function, help) {name, help, function},
static const corpus corpora[] = {
#include "data/corpora.inc"
};

int corpus_count(void) {
    return sizeof corpora / sizeof *corpora;
}
const corpus *corpus_at(int index) {
    return &corpora[index];
}
