// A model of SentencePiece, which tokenizes a text and gives it back.
#include "fuzz.h"

#include "data/tokenizer_sentencepiece.h"

#include <string.h>

enum { MOST_PIECES = 1 << 12, MOST_TEXT = 1 << 16 };

static void look_at_pieces(const piece_model *model, int64_t count) {
    for (int64_t i = 0; i < count && i < MOST_PIECES; i++) {
        if (!sentencepiece_piece(model, (int32_t)i)) abort();
        sentencepiece_kind(model, (int32_t)i);
    }
}

static void tokenize(const piece_model *model, int64_t count) {
    static const char text[] = " the caf\xc3\xa9 \xff of 1984 \xe2\x96\x81 \xf0\x9f\x98\x80 a\tb";
    static int32_t ids[6 * sizeof text + 2];
    static char out[MOST_TEXT];
    int64_t tokens = 0;
    size_t size = 0;
    if (sentencepiece_encode(
            model, text, sizeof text - 1, ids, sentencepiece_most_ids(sizeof text - 1), &tokens) != SIGMOE_OK)
        return;
    for (int64_t i = 0; i < tokens; i++)
        if (ids[i] < 0 || ids[i] >= count) abort();
    bool decoded = sentencepiece_decode(model, ids, tokens, out, sizeof out, &size) == SIGMOE_OK;
    if (decoded && strlen(out) > size) abort();
}

static void read_model(const char *path) {
    piece_model *model;
    if (sentencepiece_open(path, &model) != SIGMOE_OK) return;
    int64_t count = sentencepiece_vocab_size(model);
    if (count < 1 || sentencepiece_unknown(model) < 0 || sentencepiece_unknown(model) >= count) abort();
    sentencepiece_knows_space(model);
    look_at_pieces(model, count);
    tokenize(model, count);
    sentencepiece_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_model, bytes, size);
    return 0;
}
