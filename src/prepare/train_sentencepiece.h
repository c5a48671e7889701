// SentencePiece models, trained. No exception and no abort of the library's comes through.
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

// Where the trainer gets its sentences from, once, in order.
typedef struct sentencepiece_input {
    sigmoe_status (*next)(void *context, const char **bytes, size_t *size); // *bytes NULL: the end
    void *context;
} sentencepiece_input;

// Byte-pair merges, digits apart, all else as the library has it; sentences longer than SENTENCEPIECE_LONGEST bytes are
// left out by it. Writes the model to `path`. A text that does not give `vocab_size` pieces gives a smaller vocabulary, one
// with more characters fails. `name` is the text's, for messages.
enum { SENTENCEPIECE_LONGEST = 4192 };
sigmoe_status sentencepiece_train(
    const sentencepiece_input *input, const char *name, int64_t vocab_size, const char *path);
