// How the experts of a model are reached that other processes have: of `parts` processes, part i has the i-th of equal ranges
// of every layer's experts, and what belongs to tokens travels between them. All parts make the same calls in the same order,
// whatever tokens they have.
#pragma once

#include "base/status.h"

#include <stddef.h>

// What a part and this one give each other; 0 bytes are no message.
typedef struct part_bytes {
    const void *out;
    size_t out_size;
    void *in;
    size_t in_size;
} part_bytes;

typedef struct expert_exchange {
    void *context;
    int own, parts;
    // Starts transfers with all parts, `bytes` [parts], of which those with this one are a copy; *wave is to be finished, also
    // where it fails. The bytes in and out are in use until then, `bytes` itself is not.
    sigmoe_status (*begin)(void *context, const part_bytes *bytes, void **wave);
    // Lets transfers go on while something is computed.
    sigmoe_status (*poll)(void *context, void *wave);
    // Waits for all; with another `status` than SIGMOE_OK, which it returns, nothing comes any more. `wave` may be NULL.
    sigmoe_status (*finish)(void *context, void *wave, sigmoe_status status);
} expert_exchange;
