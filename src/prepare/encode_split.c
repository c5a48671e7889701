#include "prepare/encode_split.h"

#include "formats/token_shard.h"
#include "prepare/word_cache.h"

#include <string.h>

enum {
    BLOCK_BYTES = SENTENCE_BYTES, // text that one task encodes: any sentence fits
    BLOCKS_PER_THREAD = 8,        // in a round, but
    MOST_BLOCKS = 256,            // no more, which bounds the memory: 400 KB each, two rounds
    LONG_BYTES = 1 << 20,         // a round's limit on sentences longer than a block: about 130 MB
    MESSAGE_BYTES = 1024,
};

// A task's failure, kept here because sigmoe_message() is per thread.
typedef struct failure {
    sigmoe_status status;
    char message[MESSAGE_BYTES];
} failure;

static void keep_failure(failure *f, sigmoe_status status) {
    f->status = status;
    if (status != SIGMOE_OK) snprintf(f->message, sizeof f->message, "%s", sigmoe_message());
}

static sigmoe_status report_failure(const failure *f) {
    return f->status == SIGMOE_OK ? SIGMOE_OK : fail(f->status, "%s", f->message);
}

typedef struct block {
    char *text; // sentences, each followed by a newline and without a newline inside
    size_t size;
    bool continues; // the first sentence continues the last one of the previous block
    int32_t *ids;   // room for the most tokens the text can become
    int64_t capacity, count;
    failure failure;
    char *own_text; // [BLOCK_BYTES + 1], used unless a single sentence is longer
    int32_t *own_ids;
} block;

typedef struct reading_round {
    block *blocks;
    int used;
    arena *long_memory; // of sentences that are longer than a block
    size_t long_bytes;
} reading_round;

// While the blocks of one round are encoded, the next round is read: reading is the first task of a round.
typedef struct encoding {
    word_cache **caches; // one for each thread
    sentence_reader *reader;
    sentence waiting; // read, but did not fit
    int blocks;       // of a round
    reading_round rounds[2];
    int current; // the round that is encoded
    failure reading;
    int32_t unknown; // its token
    int32_t last;    // token that was written, of the same split
} encoding;

static void empty_block(block *b) {
    b->text = b->own_text;
    b->ids = b->own_ids;
    b->capacity = sentencepiece_most_ids(BLOCK_BYTES + 1);
    b->size = 0;
}

// Within a sentence a newline is white space like any other, but here it ends a sentence.
static void put_sentence(block *b, const sentence *s) {
    if (b->size == 0)
        b->continues = s->continues;
    else if (s->continues)
        b->text[b->size - 1] = ' ';
    char *to = b->text + b->size;
    memcpy(to, s->bytes, s->size);
    for (char *c = to; (c = memchr(c, '\n', (size_t)(to + s->size - c)));) *c = ' ';
    b->size += s->size;
    b->text[b->size++] = '\n';
}

// Puts the sentence into a block of its own.
static sigmoe_status put_long_sentence(reading_round *round, block *b, const sentence *s) {
    b->capacity = sentencepiece_most_ids((int64_t)s->size + 1);
    TRY(ARENA_NEW_RAW(round->long_memory, b->text, s->size + 1));
    TRY(ARENA_NEW_RAW(round->long_memory, b->ids, b->capacity));
    round->long_bytes += s->size;
    put_sentence(b, s);
    return SIGMOE_OK;
}

// *full: there was no room for the sentence.
static sigmoe_status put(reading_round *round, block *b, const sentence *s, bool *full) {
    *full = b->size > 0 && b->size + s->size + 1 > BLOCK_BYTES;
    if (*full) return SIGMOE_OK;
    if (s->size > BLOCK_BYTES) return put_long_sentence(round, b, s);
    put_sentence(b, s);
    return SIGMOE_OK;
}

static sigmoe_status fill_round(encoding *e, reading_round *round) {
    round->used = 0;
    round->long_bytes = 0;
    arena_destroy(round->long_memory);
    round->long_memory = NULL;
    TRY(arena_create("long sentences", &round->long_memory));
    for (int i = 0; i < e->blocks; i++) empty_block(&round->blocks[i]);
    for (int i = 0; i < e->blocks && round->long_bytes < LONG_BYTES;) {
        bool full;
        if (!e->waiting.bytes) TRY(sentence_reader_next(e->reader, &e->waiting));
        if (!e->waiting.bytes) return SIGMOE_OK;
        TRY(put(round, &round->blocks[i], &e->waiting, &full));
        round->used = i + 1;
        if (full)
            i++;
        else
            e->waiting = (sentence){0};
    }
    return SIGMOE_OK;
}

static void run_task(void *context, int64_t task, int thread) {
    encoding *e = context;
    if (task == 0) {
        keep_failure(&e->reading, fill_round(e, &e->rounds[!e->current]));
        return;
    }
    block *b = &e->rounds[e->current].blocks[task - 1];
    keep_failure(
        &b->failure, word_cache_encode(e->caches[thread], b->text, b->size, b->ids, b->capacity, &b->count));
}

// Adjacent unknown pieces become one token, even where a sentence was cut between them.
static int64_t repeated(const encoding *e, const block *b) {
    return b->continues && b->count > 0 && b->ids[0] == e->unknown && e->last == e->unknown;
}

static sigmoe_status write_block(encoding *e, const block *b, token_writer *writer, split_content *content) {
    int64_t skipped = repeated(e, b);
    TRY(report_failure(&b->failure));
    TRY(token_writer_add(writer, b->ids + skipped, b->count - skipped));
    content->tokens += b->count - skipped;
    for (int64_t i = skipped; i < b->count; i++) content->unknown += b->ids[i] == e->unknown;
    if (b->count > 0 || !b->continues) e->last = b->count > 0 ? b->ids[b->count - 1] : -1;
    return SIGMOE_OK;
}

static sigmoe_status write_round(encoding *e, token_writer *writer, split_content *content) {
    const reading_round *round = &e->rounds[e->current];
    for (int i = 0; i < round->used; i++) TRY(write_block(e, &round->blocks[i], writer, content));
    return SIGMOE_OK;
}

static sigmoe_status make_caches(encoding *e, const piece_model *model, int count, arena *a) {
    TRY(ARENA_NEW(a, e->caches, count));
    for (int i = 0; i < count; i++) TRY(word_cache_create(model, a, &e->caches[i]));
    return SIGMOE_OK;
}

static sigmoe_status make_rounds(encoding *e, arena *a) {
    for (int r = 0; r < 2; r++) {
        TRY(ARENA_NEW(a, e->rounds[r].blocks, e->blocks));
        for (int i = 0; i < e->blocks; i++) {
            block *b = &e->rounds[r].blocks[i];
            TRY(ARENA_NEW_RAW(a, b->own_text, BLOCK_BYTES + 1));
            TRY(ARENA_NEW_RAW(a, b->own_ids, sentencepiece_most_ids(BLOCK_BYTES + 1)));
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status encode_rounds(
    encoding *e, threads *pool, progress_meter *meter, token_writer *writer, split_content *content) {
    const raw_measure *raw = sentence_reader_measure(e->reader);
    double before = meter->state.done;
    TRY(fill_round(e, &e->rounds[0]));
    while (e->rounds[e->current].used > 0) {
        parallel_for(pool, 1 + e->rounds[e->current].used, run_task, e);
        TRY(write_round(e, writer, content));
        TRY(report_failure(&e->reading));
        e->current = !e->current;
        TRY(progress_at(meter, before + (double)raw->bytes));
    }
    return SIGMOE_OK;
}

sigmoe_status encode_split(const split_text *text, int split, const piece_model *model, threads *pool,
    const char *directory, progress_meter *meter, split_content *content, bad_lines *bad) {
    arena *a;
    token_writer *writer = NULL;
    int blocks = BLOCKS_PER_THREAD * threads_count(pool);
    encoding e = {.blocks = blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS,
        .unknown = sentencepiece_unknown(model),
        .last = -1};
    TRY(arena_create("encoding", &a));
    sigmoe_status status;
    TRY_OR(done, make_caches(&e, model, threads_count(pool), a));
    TRY_OR(done, make_rounds(&e, a));
    TRY_OR(done, sentence_reader_open(text, split, text->parts[split], &e.reader));
    TRY_OR(
        done, token_writer_open(directory, split_names[split], sentencepiece_vocab_size(model), 0, &writer));
    TRY_OR(done, encode_rounds(&e, pool, meter, writer, content));
    content->raw = *sentence_reader_measure(e.reader);
    *bad = *sentence_reader_bad_lines(e.reader);
    if (content->tokens == 0) {
        status = fail(SIGMOE_BAD_FORMAT,
            "%s: the split %s has no text in its %lld bytes: each split needs some, so give more", text->name,
            split_names[split], (long long)content->raw.bytes);
        goto done;
    }
    status = token_writer_commit(writer);
    writer = NULL;
done:
    token_writer_abandon(writer);
    sentence_reader_close(e.reader);
    for (int r = 0; r < 2; r++) arena_destroy(e.rounds[r].long_memory);
    arena_destroy(a);
    return status;
}
