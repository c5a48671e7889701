#include "data/encode_split.h"
#include "data/word_cache.h"
#include "formats/token_shard.h"

#include <string.h>

enum {
    BLOCK_BYTES = SENTENCE_BYTES, // text that one task encodes: any sentence fits
    BLOCKS_PER_THREAD = 8,        // of a round, but
    MOST_BLOCKS = 256,            // no more, which bounds the memory: 400 KB each, two rounds
    MESSAGE_BYTES = 1024,
};

// A task's failure waits here: sigmoe_message() is the thread's own.
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
    char *text; // [BLOCK_BYTES + 1] sentences, with a newline behind each
    size_t size;
    int32_t *ids; // room for all that the text can become
    int64_t count;
    failure failure;
} block;

typedef struct reading_round {
    block *blocks;
    int used;
} reading_round;

// While the blocks of one round are encoded, the next round is read: reading is the round's first task.
typedef struct encoding {
    word_cache **caches; // one for each thread
    sentence_reader *reader;
    sentence waiting; // read, but there was no room for it
    int blocks;       // of a round
    reading_round rounds[2];
    int current; // the round that is encoded
    failure reading;
} encoding;

static bool put_sentence(block *b, const sentence *s) {
    if (b->size > 0 && b->size + s->size + 1 > BLOCK_BYTES) return false;
    memcpy(b->text + b->size, s->bytes, s->size);
    b->size += s->size;
    b->text[b->size++] = '\n';
    return true;
}

static sigmoe_status fill_round(encoding *e, reading_round *round) {
    round->used = 0;
    for (int i = 0; i < e->blocks; i++) round->blocks[i].size = 0;
    for (int i = 0; i < e->blocks;) {
        if (!e->waiting.bytes) TRY(sentence_reader_next(e->reader, &e->waiting));
        if (!e->waiting.bytes) return SIGMOE_OK;
        round->used = i + 1;
        if (put_sentence(&round->blocks[i], &e->waiting))
            e->waiting = (sentence){0};
        else
            i++;
    }
    round->used = e->blocks;
    return SIGMOE_OK;
}

static void run_task(void *context, int64_t task, int thread) {
    encoding *e = context;
    if (task == 0) {
        keep_failure(&e->reading, fill_round(e, &e->rounds[!e->current]));
        return;
    }
    block *b = &e->rounds[e->current].blocks[task - 1];
    int64_t capacity = sentencepiece_most_ids(BLOCK_BYTES + 1);
    keep_failure(
        &b->failure, word_cache_encode(e->caches[thread], b->text, b->size, b->ids, capacity, &b->count));
}

static sigmoe_status write_round(const reading_round *round, token_writer *writer, int64_t *tokens) {
    for (int i = 0; i < round->used; i++) {
        const block *b = &round->blocks[i];
        TRY(report_failure(&b->failure));
        TRY(token_writer_add(writer, b->ids, b->count));
        *tokens += b->count;
    }
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
            TRY(ARENA_NEW_RAW(a, b->text, BLOCK_BYTES + 1));
            TRY(ARENA_NEW_RAW(a, b->ids, sentencepiece_most_ids(BLOCK_BYTES + 1)));
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status encode_rounds(
    encoding *e, threads *pool, progress_meter *meter, token_writer *writer, int64_t *tokens) {
    const raw_measure *raw = sentence_reader_measure(e->reader);
    double before = meter->state.done;
    TRY(fill_round(e, &e->rounds[0]));
    while (e->rounds[e->current].used > 0) {
        parallel_for(pool, 1 + e->rounds[e->current].used, run_task, e);
        TRY(write_round(&e->rounds[e->current], writer, tokens));
        TRY(report_failure(&e->reading));
        e->current = !e->current;
        TRY(progress_at(meter, before + (double)raw->bytes));
    }
    return SIGMOE_OK;
}

sigmoe_status encode_split(const split_text *text, int split, const piece_model *model, threads *pool,
    const char *directory, progress_meter *meter, split_content *content) {
    arena *a;
    token_writer *writer = NULL;
    int blocks = BLOCKS_PER_THREAD * threads_count(pool);
    encoding e = {.blocks = blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS};
    TRY(arena_create("encoding", &a));
    sigmoe_status status;
    TRY_OR(done, make_caches(&e, model, threads_count(pool), a));
    TRY_OR(done, make_rounds(&e, a));
    TRY_OR(done, sentence_reader_open(text, split, text->parts[split], &e.reader));
    TRY_OR(
        done, token_writer_open(directory, split_names[split], sentencepiece_vocab_size(model), 0, &writer));
    TRY_OR(done, encode_rounds(&e, pool, meter, writer, &content->tokens));
    content->raw = *sentence_reader_measure(e.reader);
    if (content->tokens == 0) {
        status = fail(SIGMOE_BAD_FORMAT, "%s: the split %s has no text", text->name, split_names[split]);
        goto done;
    }
    status = token_writer_commit(writer);
    writer = NULL;
done:
    token_writer_abandon(writer);
    sentence_reader_close(e.reader);
    arena_destroy(a);
    return status;
}
