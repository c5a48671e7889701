#include "analyze/occasions.h"

enum { MOST_TOKENS = 64 };

const tokenizer *analysis_tokenizer(const analysis *a, int index) {
    const tokenizer *data = &a->data.tokenizer, *own = &a->models[index].config.tokenizer;
    if (tokenizer_has_text(data)) return data;
    if (tokenizer_has_text(own)) return own;
    // All models have the data's tokenizer, if that is known, so they agree with each other.
    for (int i = 0; data->type != TOKENIZER_NONE && i < a->count; i++)
        if (tokenizer_has_text(&a->models[i].config.tokenizer)) return &a->models[i].config.tokenizer;
    return data;
}

static sigmoe_status read_range(
    const analysis *a, const token_reader *reader, int64_t first, int64_t last, const char **out) {
    int32_t tokens[MOST_TOKENS];
    int64_t count = token_split_count(a->tokens);
    if (first < 0) first = 0;
    if (last > count) last = count;
    if (last > first) TRY(token_split_copy(a->tokens, first, last - first, tokens));
    return token_text(reader, a->arena, tokens, last > first ? last - first : 0, out);
}

sigmoe_status occasion_read(
    const analysis *a, const token_reader *reader, const ff_occasion *o, occasion_text *out) {
    bool bytes = reader->tokenizer->type == TOKENIZER_BYTES;
    int64_t before = bytes ? 40 : 12, after = bytes ? 16 : 5;
    TRY(read_range(a, reader, o->position - before, o->position, &out->before));
    TRY(read_range(a, reader, o->position, o->position + 1, &out->token));
    return read_range(a, reader, o->position + 1, o->position + 1 + after, &out->after);
}
