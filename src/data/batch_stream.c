#include "data/batch_stream.h"

#include <inttypes.h>

sigmoe_status batch_stream_open(batch_stream *s, const token_split *split, int64_t batch, int64_t unroll,
    bool keep_rest, int64_t limit_tokens) {
    if (batch < 1 || unroll < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "batch %" PRId64 " and unroll %" PRId64 ": both must be 1 or more",
            batch, unroll);
    int64_t tokens = token_split_count(split);
    if (limit_tokens > 0 && limit_tokens < tokens - 1) tokens = limit_tokens + 1;
    int64_t length = (tokens - 1) / batch;
    int64_t shortest = keep_rest ? 1 : unroll;
    if (length < shortest)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%" PRId64 " tokens in %" PRId64 " streams give %" PRId64 " a stream, fewer than %" PRId64
            ": use a smaller batch%s, or more text",
            tokens, batch, length, shortest, keep_rest ? "" : " or unroll");
    *s = (batch_stream){.split = split,
        .batch = batch,
        .unroll = unroll,
        .length = length,
        .count = batch,
        .keep_rest = keep_rest};
    return SIGMOE_OK;
}

void batch_stream_share(batch_stream *s, int64_t first, int64_t count) {
    s->first = first;
    s->count = count;
}

sigmoe_status batch_stream_check(const dataset *data, const char *split, int64_t batch, int64_t unroll,
    bool keep_rest, int64_t limit_tokens) {
    token_split *tokens;
    batch_stream stream;
    TRY(dataset_open_split(data, split, &tokens));
    sigmoe_status status = batch_stream_open(&stream, tokens, batch, unroll, keep_rest, limit_tokens);
    token_split_close(tokens);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "split %s", split);
}

int64_t batch_stream_steps_per_epoch(const batch_stream *s) {
    return s->length / s->unroll + (s->keep_rest && s->length % s->unroll != 0);
}

sigmoe_status batch_stream_next(
    batch_stream *s, int32_t *inputs, int32_t *targets, int64_t *length, bool *new_epoch) {
    bool ended = !s->keep_rest && s->length - s->position < s->unroll;
    int64_t position = ended ? 0 : s->position, left = s->length - position;
    *length = left < s->unroll ? left : s->unroll;
    *new_epoch = position == 0;
    for (int64_t b = 0; b < s->count; b++) {
        int64_t first = (s->first + b) * s->length + position;
        TRY(token_split_copy(s->split, first, *length, inputs + b * *length));
        TRY(token_split_copy(s->split, first + 1, *length, targets + b * *length));
    }
    s->epoch += ended;
    s->position = position + *length;
    return SIGMOE_OK;
}
