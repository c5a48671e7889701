#include "prepare/word_cache.h"

#include <string.h>

enum { ENTRIES = 1 << 15, LONGEST_WORD = 22, MOST_IDS = 10 };

// One cache line. A new word replaces the one that was there.
typedef struct entry {
    uint8_t size; // of the word; 0: nothing is here
    uint8_t count;
    char word[LONGEST_WORD];
    int32_t ids[MOST_IDS];
} entry;

struct word_cache {
    const piece_model *model;
    bool by_word;
    entry *entries; // [ENTRIES]
};

sigmoe_status word_cache_create(const piece_model *model, arena *a, word_cache **out) {
    word_cache *c;
    TRY(ARENA_NEW(a, c, 1));
    c->model = model;
    c->by_word = sentencepiece_knows_space(model);
    TRY(ARENA_NEW(a, c->entries, ENTRIES));
    *out = c;
    return SIGMOE_OK;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_newline(char c) {
    return c == '\n';
}

// FNV-1a, folded.
static entry *place_of(const word_cache *c, const char *word, size_t size) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)word[i]) * 0x100000001b3;
    return &c->entries[(hash ^ hash >> 32) % ENTRIES];
}

static void remember(entry *e, const char *word, size_t size, const int32_t *ids, int64_t count) {
    if (count > MOST_IDS) return;
    e->size = (uint8_t)size;
    e->count = (uint8_t)count;
    memcpy(e->word, word, size);
    memcpy(e->ids, ids, (size_t)count * sizeof *ids);
}

static sigmoe_status encode_word(
    word_cache *c, const char *word, size_t size, int32_t *ids, int64_t capacity, int64_t *count) {
    if (size > LONGEST_WORD) return sentencepiece_encode(c->model, word, size, ids, capacity, count);
    entry *e = place_of(c, word, size);
    if (e->size == size && memcmp(e->word, word, size) == 0 && e->count <= capacity) {
        memcpy(ids, e->ids, e->count * sizeof *ids);
        *count = e->count;
        return SIGMOE_OK;
    }
    TRY(sentencepiece_encode(c->model, word, size, ids, capacity, count));
    remember(e, word, size, ids, *count);
    return SIGMOE_OK;
}

static sigmoe_status encode_parts(word_cache *c, bool (*parts)(char between), const char *text, size_t size,
    int32_t *ids, int64_t capacity, int64_t *count) {
    *count = 0;
    for (size_t begin = 0, end; begin < size; begin = end + 1) {
        for (end = begin; end < size && !parts(text[end]);) end++;
        int64_t found = 0;
        if (end > begin)
            TRY(encode_word(c, text + begin, end - begin, ids + *count, capacity - *count, &found));
        *count += found;
    }
    return SIGMOE_OK;
}

sigmoe_status word_cache_encode(
    word_cache *c, const char *text, size_t size, int32_t *ids, int64_t capacity, int64_t *count) {
    return encode_parts(c, c->by_word ? is_blank : is_newline, text, size, ids, capacity, count);
}
