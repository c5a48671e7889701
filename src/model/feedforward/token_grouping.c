#include "model/feedforward/token_grouping.h"

#include <inttypes.h>

static bool served(int32_t key, int64_t keys) {
    return key >= 0 && key < keys;
}

sigmoe_status group_tokens(
    arena *home, const int32_t *key, int64_t tokens, int64_t slots, int64_t keys, expert_grouping *out) {
    int64_t pairs;
    if (!size_product(&pairs, tokens, slots) || pairs > INT32_MAX)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%" PRId64 " tokens of %" PRId64 " choices each are too many for one pass: use a smaller batch",
            tokens, slots);
    int64_t *offset;
    int32_t *pair, *position;
    TRY(ARENA_NEW(home, offset, keys + 1));
    TRY(ARENA_NEW_RAW(home, pair, pairs));
    TRY(ARENA_NEW_RAW(home, position, pairs));

    // offset[e + 1] first counts e, then is where e's next pair goes, and ends as the start of e + 1.
    for (int64_t p = 0; p < pairs; p++)
        if (served(key[p], keys)) offset[key[p] + 1]++;
    int64_t begin = 0;
    for (int64_t e = 0; e < keys; e++) {
        int64_t count = offset[e + 1];
        offset[e + 1] = begin;
        begin += count;
    }
    for (int64_t p = 0; p < pairs; p++) {
        position[p] = -1;
        if (!served(key[p], keys)) continue;
        int64_t at = offset[key[p] + 1]++;
        pair[at] = (int32_t)p;
        position[p] = (int32_t)at;
    }
    *out = (expert_grouping){tokens, slots, keys, offset, pair, position};
    return SIGMOE_OK;
}
