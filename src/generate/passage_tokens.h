// The tokens of a passage, and which of them are its continuation's.
#pragma once

#include "data/text_codec.h"

typedef struct passage_tokens {
    const int32_t *ids; // [count]
    int64_t context;    // how many are not the continuation's: at least 1
    int64_t count;
} passage_tokens;

// In arena `a`; `scratch` is used, too, and released.
sigmoe_status passage_encode(
    const text_codec *c, const sigmoe_passage *passage, arena *a, arena *scratch, passage_tokens *out);
