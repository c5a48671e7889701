#include "data/tokenize_bytes.h"
#include "data/progress.h"
#include "data/sha256.h"
#include "data/text_counter.h"
#include "data/tokenizer.h"
#include "formats/file.h"
#include "formats/json_options.h"
#include "formats/token_shard.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK = 1 << 16,
    SPLITS = 3,
    LONGEST_CHARACTER = 4, // bytes of UTF-8
};
static const char *const split_names[SPLITS] = {"train", "valid", "test"};

typedef sigmoe_status block_consumer(void *context, const unsigned char *bytes, size_t count);

static sigmoe_status read_part(byte_source *source, unsigned char *block, progress_meter *meter,
    block_consumer *consume, void *context) {
    for (;;) {
        size_t count = 0;
        TRY(source->read(source->context, block, BLOCK, &count));
        if (count == 0) return SIGMOE_OK;
        TRY(consume(context, block, count));
        TRY(progress_at(meter, meter->state.done + (double)count));
    }
}

// The whole text, block by block.
static sigmoe_status read_text(
    const raw_text *text, arena *a, progress_meter *meter, block_consumer *consume, void *context) {
    unsigned char *block;
    TRY(ARENA_NEW_RAW(a, block, BLOCK));
    for (int part = 0; part < text->parts; part++) {
        arena_mark mark = arena_here(a);
        byte_source source = {0};
        sigmoe_status status = text->open(text->context, part, a, &source);
        if (status == SIGMOE_OK) status = read_part(&source, block, meter, consume, context);
        byte_source_close(&source);
        arena_release(a, mark);
        TRY(status);
    }
    return SIGMOE_OK;
}

// The first reading: what is there.
typedef struct survey {
    int64_t bytes;
    bool occurs[256];
    struct sha256_ctx hash;
} survey;

static sigmoe_status survey_block(void *context, const unsigned char *bytes, size_t count) {
    survey *s = context;
    for (size_t i = 0; i < count; i++) s->occurs[bytes[i]] = true;
    s->bytes += (int64_t)count;
    sha256_update(&s->hash, count, bytes);
    return SIGMOE_OK;
}

static sigmoe_status check_survey(const raw_text *text, survey *s) {
    char hash[SHA256_HEX];
    sha256_hex(&s->hash, hash);
    if (text->bytes && s->bytes != text->bytes)
        return fail(SIGMOE_BAD_FORMAT, "%s has %" PRId64 " bytes; it must have exactly %" PRId64, text->name,
            s->bytes, text->bytes);
    if (text->sha256 && strcmp(hash, text->sha256) != 0)
        return fail(
            SIGMOE_BAD_FORMAT, "%s has the SHA-256 %s; it must have %s", text->name, hash, text->sha256);
    if (s->bytes == 0) return fail(SIGMOE_BAD_FORMAT, "%s is empty", text->name);
    return SIGMOE_OK;
}

// The second reading: the tokens.
typedef struct split_output {
    token_writer *writer;
    struct sha256_ctx hash;
    text_counter counter;
    int64_t bytes;
} split_output;

typedef struct tokenization {
    const raw_text *text;
    int64_t starts[SPLITS + 1]; // where splits nominally begin; [SPLITS] is the end
    int64_t position;
    int current;      // the split that takes the next byte
    int16_t ids[256]; // -1: a byte that the first reading did not meet
    int32_t tokens[BLOCK];
    split_output splits[SPLITS];
} tokenization;

static sigmoe_status changed(const raw_text *text) {
    return fail(SIGMOE_IO, "%s changed while it was being read; prepare it again", text->name);
}

static sigmoe_status add_to_split(tokenization *t, const unsigned char *bytes, size_t count) {
    split_output *s = &t->splits[t->current];
    for (size_t i = 0; i < count; i++) {
        if (t->ids[bytes[i]] < 0) return changed(t->text);
        t->tokens[i] = t->ids[bytes[i]];
    }
    sha256_update(&s->hash, count, bytes);
    text_counter_add(&s->counter, bytes, count);
    s->bytes += (int64_t)count;
    t->position += (int64_t)count;
    return token_writer_add(s->writer, t->tokens, (int64_t)count);
}

// Whether the next split begins at the byte now reached: at its nominal start, or at the next byte that begins a
// character. Bytes that are no UTF-8 must not move it far.
static bool begins_next(const tokenization *t, unsigned char byte) {
    if (t->current + 1 == SPLITS) return false;
    int64_t behind = t->position - t->starts[t->current + 1];
    if (behind < 0) return false;
    bool inside_character = (byte & 0xc0) == 0x80;
    return t->text->exact_cuts || !inside_character || behind >= LONGEST_CHARACTER - 1;
}

static sigmoe_status tokenize_block(void *context, const unsigned char *bytes, size_t count) {
    tokenization *t = context;
    while (count > 0) {
        while (begins_next(t, bytes[0])) t->current++;
        // Up to the next nominal start all is sure; behind it byte by byte until the cut is found.
        int64_t sure = t->current + 1 < SPLITS ? t->starts[t->current + 1] - t->position : (int64_t)count;
        size_t here = sure < 1 ? 1 : (size_t)sure < count ? (size_t)sure : count;
        TRY(add_to_split(t, bytes, here));
        bytes += here;
        count -= here;
    }
    return SIGMOE_OK;
}

static tokenizer number_bytes(const survey *s, int16_t ids[256]) {
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
        sha256_init(&s->hash);
        TRY(token_writer_open(directory, split_names[i], vocab_size, 0, &s->writer));
    }
    return SIGMOE_OK;
}

static sigmoe_status commit_splits(tokenization *t) {
    if (t->position != t->starts[SPLITS]) return changed(t->text);
    for (int i = 0; i < SPLITS; i++)
        if (t->splits[i].bytes == 0)
            return fail(SIGMOE_BAD_FORMAT,
                "%s has %" PRId64 " bytes, too few for a train, a valid and a test split (90, 5 and 5 %%)",
                t->text->name, t->position);
    for (int i = 0; i < SPLITS; i++) {
        token_writer *w = t->splits[i].writer;
        t->splits[i].writer = NULL;
        TRY(token_writer_commit(w));
    }
    return SIGMOE_OK;
}

// A file's name may be any bytes, JSON's strings are UTF-8.
static json_t *text_as_json(const char *text, arena *a) {
    json_t *value = json_string(text);
    char *ascii = value ? NULL : arena_text(a, "%s", text);
    if (!ascii) return value;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return json_string(ascii);
}

static json_t *split_as_json(split_output *s) {
    char hash[SHA256_HEX];
    sha256_hex(&s->hash, hash);
    return json_pack("{s:I, s:I, s:I, s:I, s:s}", "tokens", (json_int_t)s->bytes, "bytes",
        (json_int_t)s->bytes, "chars", (json_int_t)text_counter_chars(&s->counter), "words",
        (json_int_t)s->counter.words, "sha256", hash);
}

static sigmoe_status write_meta(tokenization *t, const tokenizer *alphabet, const char *directory, arena *a) {
    char path[PATH_CAPACITY];
    json_t *tokenizer_json;
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(tokenizer_to_json(alphabet, &tokenizer_json));
    json_t *splits = json_object();
    for (int i = 0; i < SPLITS; i++)
        json_object_set_new(splits, split_names[i], split_as_json(&t->splits[i]));
    json_t *meta = json_pack("{s:I, s:o, s:o, s:o}", "vocab_size", (json_int_t)alphabet->alphabet_size,
        "tokenizer", tokenizer_json, "source", text_as_json(t->text->source, a), "splits", splits);
    if (!meta || json_object_size(splits) != SPLITS) {
        json_decref(meta);
        return fail(SIGMOE_NO_MEMORY, "no memory for %s", path);
    }
    sigmoe_status status = json_write(path, meta);
    json_decref(meta);
    return status;
}

static sigmoe_status write_tokens(
    const raw_text *text, const survey *s, const char *directory, const sigmoe_observer *observer, arena *a) {
    tokenization *t;
    progress_meter meter;
    TRY(ARENA_NEW(a, t, 1));
    t->text = text;
    t->starts[1] = s->bytes / 10 * 9 + s->bytes % 10 * 9 / 10;
    t->starts[2] = s->bytes / 20 * 19 + s->bytes % 20 * 19 / 20;
    t->starts[SPLITS] = s->bytes;
    tokenizer alphabet = number_bytes(s, t->ids);
    sigmoe_status status;
    TRY_OR(done, open_splits(t, directory, alphabet.alphabet_size));
    progress_begin(&meter, observer, "tokenize", "bytes", 0, (double)s->bytes);
    TRY_OR(done, read_text(text, a, &meter, tokenize_block, t));
    progress_end(&meter);
    TRY_OR(done, commit_splits(t));
    status = write_meta(t, &alphabet, directory, a);
done:
    for (int i = 0; i < SPLITS; i++) token_writer_abandon(t->splits[i].writer);
    return status;
}

static sigmoe_status survey_and_write(
    const raw_text *text, const char *directory, const sigmoe_observer *observer, arena *a) {
    survey s = {0};
    progress_meter meter;
    sha256_init(&s.hash);
    progress_begin(&meter, observer, "read", "bytes", 0, text->bytes ? (double)text->bytes : NAN);
    TRY(read_text(text, a, &meter, survey_block, &s));
    progress_end(&meter);
    TRY(check_survey(text, &s));
    return write_tokens(text, &s, directory, observer, a);
}

sigmoe_status tokenize_bytes(const raw_text *text, const char *directory, const sigmoe_observer *observer) {
    arena *a;
    TRY(arena_create("tokenization", &a));
    sigmoe_status status = survey_and_write(text, directory, observer, a);
    arena_destroy(a);
    return status;
}
