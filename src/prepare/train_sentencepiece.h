// Trains SentencePiece models. No exception or abort of the library gets through.
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

// Where the trainer gets its sentences, once and in order.
typedef struct sentencepiece_input {
    sigmoe_status (*next)(void *context, const char **bytes, size_t *size); // *bytes NULL: the end
    void *context;
} sentencepiece_input;

// Byte-pair merges, digits separate, otherwise the library's defaults; it skips sentences longer than SENTENCEPIECE_LONGEST
// bytes. Writes the model to `path`. A text that does not yield `vocab_size` pieces gives a smaller vocabulary; one that has
// more characters than that fails. `name` is the text's, for messages.
enum { SENTENCEPIECE_LONGEST = 4192 };
sigmoe_status sentencepiece_train(
    const sentencepiece_input *input, const char *name, int64_t vocab_size, const char *path);
