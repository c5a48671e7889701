#include "prepare/tokenize_bytes.h"

#include "data/dataset_meta.h"
#include "formats/token_shard.h"

typedef struct split_output {
    token_writer *writer;
    raw_measure raw;
} split_output;

typedef struct tokenization {
    const raw_text *text;
    int64_t starts[SPLITS + 1]; // where splits nominally begin; [SPLITS] is the end
    int64_t position;
    int current;      // the split of the next byte
    int16_t ids[256]; // -1: a byte that the first reading did not meet
    int32_t tokens[RAW_BLOCK];
    split_output splits[SPLITS];
} tokenization;

static sigmoe_status add_to_split(tokenization *t, const unsigned char *bytes, size_t count) {
    split_output *s = &t->splits[t->current];
    for (size_t i = 0; i < count; i++) {
        if (t->ids[bytes[i]] < 0) return raw_text_changed(t->text);
        t->tokens[i] = t->ids[bytes[i]];
    }
    raw_measure_add(&s->raw, bytes, count);
    t->position += (int64_t)count;
    return token_writer_add(s->writer, t->tokens, (int64_t)count);
}

static bool begins_next(const tokenization *t, unsigned char byte) {
    if (t->current + 1 == SPLITS) return false;
    return raw_text_begins_split(t->text, t->position - t->starts[t->current + 1], byte);
}

static sigmoe_status tokenize_block(void *context, const unsigned char *bytes, size_t count) {
    tokenization *t = context;
    while (count > 0) {
        while (begins_next(t, bytes[0])) t->current++;
        // Up to the next nominal start no check is needed; from there on, byte by byte until the cut is found.
        int64_t sure = t->current + 1 < SPLITS ? t->starts[t->current + 1] - t->position : (int64_t)count;
        size_t here = sure < 1 ? 1 : (size_t)sure < count ? (size_t)sure : count;
        TRY(add_to_split(t, bytes, here));
        bytes += here;
        count -= here;
    }
    return SIGMOE_OK;
}

static tokenizer number_bytes(const raw_survey *s, int16_t ids[256]) {
    tokenizer t = {.type = TOKENIZER_BYTES};
    for (int byte = 0; byte < 256; byte++) {
        ids[byte] = -1;
        if (!s->occurs[byte]) continue;
        ids[byte] = (int16_t)t.alphabet_size;
        t.alphabet[t.alphabet_size++] = (uint8_t)byte;
    }
    return t;
}

static sigmoe_status open_splits(tokenization *t, const char *directory, int64_t vocab_size) {
    for (int i = 0; i < SPLITS; i++) {
        split_output *s = &t->splits[i];
        raw_measure_begin(&s->raw);
        TRY(token_writer_open(directory, split_names[i], vocab_size, 0, &s->writer));
    }
    return SIGMOE_OK;
}

static sigmoe_status commit_splits(tokenization *t) {
    if (t->position != t->starts[SPLITS]) return raw_text_changed(t->text);
    for (int i = 0; i < SPLITS; i++)
        if (t->splits[i].raw.bytes == 0) return raw_text_too_short(t->text, t->position);
    for (int i = 0; i < SPLITS; i++) {
        token_writer *w = t->splits[i].writer;
        t->splits[i].writer = NULL;
        TRY(token_writer_commit(w));
    }
    return SIGMOE_OK;
}

static sigmoe_status write_meta(tokenization *t, const tokenizer *alphabet, const char *directory, arena *a) {
    split_content splits[SPLITS];
    for (int i = 0; i < SPLITS; i++)
        splits[i] = (split_content){t->splits[i].raw, .tokens = t->splits[i].raw.bytes,
            .files = t->text->files ? t->text->files->files[i] : 0};
    dataset_content content = {.vocab_size = alphabet->alphabet_size,
        .tokenizer = alphabet,
        .source = t->text->source,
        .split_by = raw_text_split_by(t->text),
        .skipped_lines = -1,
        .splits = splits};
    return dataset_write_meta(directory, &content, a);
}

static sigmoe_status write_tokens(const raw_text *text, const raw_survey *s, const char *directory,
    const sigmoe_observer *observer, arena *a) {
    tokenization *t;
    progress_meter meter;
    TRY(ARENA_NEW(a, t, 1));
    t->text = text;
    raw_text_starts(text, s->bytes, t->starts);
    tokenizer alphabet = number_bytes(s, t->ids);
    sigmoe_status status;
    TRY_OR(done, open_splits(t, directory, alphabet.alphabet_size));
    progress_begin(&meter, observer, "tokenize", "bytes", 0, (double)s->bytes);
    TRY_OR(done, raw_text_read(text, a, &meter, tokenize_block, t));
    progress_end(&meter);
    TRY_OR(done, commit_splits(t));
    status = write_meta(t, &alphabet, directory, a);
done:
    for (int i = 0; i < SPLITS; i++) token_writer_abandon(t->splits[i].writer);
    return status;
}

sigmoe_status tokenize_bytes(
    const raw_text *text, const raw_survey *survey, const char *directory, const sigmoe_observer *observer) {
    arena *a;
    TRY(arena_create("tokenization", &a));
    sigmoe_status status = write_tokens(text, survey, directory, observer, a);
    arena_destroy(a);
    return status;
}
