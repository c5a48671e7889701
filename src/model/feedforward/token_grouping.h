// Sorts (token, slot) pairs by their key, such as the expert, so that each expert's work is contiguous.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"

// Counting sort of the pairs by key [tokens * slots]; pairs whose key is not in [0, keys) are skipped. Stable: pairs with equal
// keys stay in token and slot order. The arrays of *out are allocated from `home`.
sigmoe_status group_tokens(
    arena *home, const int32_t *key, int64_t tokens, int64_t slots, int64_t keys, expert_grouping *out);
