// Texts for tokenizers, and functions to read prepared directories back.
#pragma once

#include "prepare/archives.h"

#include "data/dataset.h"
#include "data/tokenizer_sentencepiece.h"

// `lines` lines of words, digits and accented letters, determined by the seed. 0-terminated; freed by the caller.
static inline char *make_lines(int lines, uint32_t seed) {
    static const char *const words[] = {"the", "of", "and", "water", "letters", "1984", "caf\xc3\xa9", "book",
        "reading", "reader", "@-@", "unk", "na\xc3\xafve", "words", "is", "are", "was", ",", ".", "7"};
    enum { WORDS = sizeof words / sizeof *words, LONGEST_LINE = 30 * 9 };
    char *text = malloc((size_t)lines * LONGEST_LINE + 1), *end = text;
    for (int i = 0; i < lines; i++) {
        seed = seed * 1664525u + 1013904223u;
        for (uint32_t k = 0; k < (seed >> 8) % 20; k++) {
            seed = seed * 1664525u + 1013904223u;
            end += sprintf(end, " %s", words[(seed >> 16) % WORDS]);
        }
        end += sprintf(end, " \n");
    }
    return text;
}

// All tokens of a split; freed by the caller.
static inline int32_t *read_tokens(const dataset *d, const char *split, int64_t *count) {
    token_split *tokens;
    if (token_split_open(d->directory, split, d->vocab_size, NULL, &tokens) != SIGMOE_OK)
        fail_msg("%s", sigmoe_message());
    *count = token_split_count(tokens);
    int32_t *ids = malloc((size_t)*count * sizeof *ids);
    assert_int_equal(token_split_copy(tokens, 0, *count, ids), SIGMOE_OK);
    token_split_close(tokens);
    return ids;
}

// The text of a split's tokens; freed by the caller.
static inline char *decode_split(const dataset *d, const char *split) {
    int64_t count;
    size_t size;
    piece_model *model;
    int32_t *ids = read_tokens(d, split, &count);
    size_t capacity = (size_t)count * 64 + 1;
    char *text = malloc(capacity);
    assert_int_equal(sentencepiece_open(d->tokenizer.model_path, &model), SIGMOE_OK);
    assert_int_equal(sentencepiece_vocab_size(model), d->vocab_size);
    assert_int_equal(sentencepiece_decode(model, ids, count, text, capacity, &size), SIGMOE_OK);
    assert_true(size < capacity);
    sentencepiece_close(model);
    free(ids);
    return text;
}

// Normalizes white space in place as SentencePiece does: one space between words, none at the ends.
static inline char *squeeze(char *text) {
    char *out = text;
    for (const char *in = text; *in; in++) {
        bool space = *in == ' ' || *in == '\n' || *in == '\t';
        if (!space)
            *out++ = *in;
        else if (out > text && out[-1] != ' ')
            *out++ = ' ';
    }
    if (out > text && out[-1] == ' ') out--;
    *out = '\0';
    return text;
}

static inline void assert_dataset(const char *directory, dataset *d) {
    if (dataset_open(directory, d) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}
