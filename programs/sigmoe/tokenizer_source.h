// What `tokenize` and `detokenize` share: whose tokenizer, and the input.
#pragma once

#include "arguments.h"
#include "prompts.h"
#include "sigmoe.h"

typedef struct tokenizer_source {
    const char *model, *data; // one of them is given
    bool lines;               // each line of the input is a text of its own
} tokenizer_source;

enum { TOKENIZER_ARGUMENTS = 3 };
extern const argument tokenizer_arguments[TOKENIZER_ARGUMENTS];

// Otherwise prints the error and returns the exit status, as the next one.
int tokenizer_source_open(const tokenizer_source *source, sigmoe_tokenizer **out);
// The input's texts, which the caller frees: FILE or, without one, standard input.
int tokenizer_source_read(const tokenizer_source *source, const parsed_arguments *given, prompts *texts);
// The input's name in messages.
const char *tokenizer_source_name(const parsed_arguments *given);
