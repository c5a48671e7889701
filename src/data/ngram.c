#include "data/ngram.h"

#include <math.h>

// What followed each context of `order` tokens: context h has c(h) followers, in ascending order, ending at ends[h].
typedef struct ngram_order {
    uint32_t *ends;     // [V^order]
    uint16_t *distinct; // [V^order], t(h)
    uint8_t *followers;
} ngram_order;

struct ngram_model {
    int64_t vocab_size;
    ngram_order orders[NGRAM_ORDER + 1];
};

enum { BLOCK = 1 << 16 }; // tokens or contexts between two progress reports

static sigmoe_status look(progress_meter *meter, int64_t i) {
    return i % BLOCK == 0 ? progress_at(meter, meter->state.done + BLOCK) : SIGMOE_OK;
}

static int64_t context_count(int64_t vocab_size, int order) {
    int64_t count = 1;
    for (int i = 0; i < order; i++) count *= vocab_size;
    return count;
}

static int64_t context_index(const uint8_t *last, int order, int64_t vocab_size) {
    int64_t index = 0;
    for (int i = 0; i < order; i++) index = index * vocab_size + last[i];
    return index;
}

// Sorts a row by counting; returns its number of distinct tokens.
static uint16_t sort_row(uint8_t *row, uint32_t length) {
    uint32_t counts[NGRAM_MOST_VOCABULARY] = {0};
    uint16_t distinct = 0;
    for (uint32_t i = 0; i < length; i++) counts[row[i]]++;
    for (int token = 0; token < NGRAM_MOST_VOCABULARY; token++) {
        distinct += counts[token] > 0;
        for (uint32_t i = 0; i < counts[token]; i++) *row++ = (uint8_t)token;
    }
    return distinct;
}

static sigmoe_status count_order(arena *a, const uint8_t *tokens, int64_t count, int64_t vocab_size,
    int order, progress_meter *meter, ngram_order *out) {
    int64_t contexts = context_count(vocab_size, order), rows = count > order ? count - order : 0;
    TRY(ARENA_NEW(a, out->ends, contexts));
    TRY(ARENA_NEW(a, out->distinct, contexts));
    TRY(ARENA_NEW_RAW(a, out->followers, rows));
    uint32_t *begins = out->ends; // become the ends as the rows are filled
    for (int64_t i = 0; i < rows; i++) {
        TRY(look(meter, i));
        begins[context_index(tokens + i, order, vocab_size)]++;
    }
    uint32_t sum = 0;
    for (int64_t c = 0; c < contexts; c++) {
        uint32_t length = begins[c];
        begins[c] = sum;
        sum += length;
    }
    for (int64_t i = 0; i < rows; i++) {
        TRY(look(meter, i));
        out->followers[begins[context_index(tokens + i, order, vocab_size)]++] = tokens[i + order];
    }
    for (int64_t c = 0; c < contexts; c++) {
        TRY(look(meter, c));
        uint32_t begin = c ? out->ends[c - 1] : 0, length = out->ends[c] - begin;
        if (length) out->distinct[c] = sort_row(out->followers + begin, length);
    }
    return SIGMOE_OK;
}

sigmoe_status ngram_train(arena *a, const uint8_t *tokens, int64_t count, int64_t vocab_size,
    progress_meter *meter, ngram_model **out) {
    if (count > UINT32_MAX)
        return fail(SIGMOE_BAD_ARGUMENT, "an n-gram model counts at most %u tokens", UINT32_MAX);
    TRY(ARENA_NEW(a, *out, 1));
    (*out)->vocab_size = vocab_size;
    for (int order = 0; order <= NGRAM_ORDER; order++)
        TRY(count_order(a, tokens, count, vocab_size, order, meter, &(*out)->orders[order]));
    return SIGMOE_OK;
}

// The number of elements of the ascending row that are below `token`.
static uint32_t count_below(const uint8_t *row, uint32_t length, int token) {
    uint32_t low = 0, high = length;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row[middle] < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double ngram_probability(const ngram_model *m, const uint8_t *history, int64_t known, uint8_t next) {
    double probability = 1 / (double)m->vocab_size;
    for (int order = 0; order <= NGRAM_ORDER && order <= known; order++) {
        const ngram_order *o = &m->orders[order];
        int64_t context = context_index(history + known - order, order, m->vocab_size);
        uint32_t begin = context ? o->ends[context - 1] : 0, seen = o->ends[context] - begin;
        if (seen == 0) break; // longer contexts did not occur either
        const uint8_t *row = o->followers + begin;
        uint32_t hits = count_below(row, seen, next + 1) - count_below(row, seen, next);
        double distinct = o->distinct[context];
        probability = (hits + distinct * probability) / (seen + distinct);
    }
    return probability;
}

sigmoe_status ngram_nats(
    const ngram_model *m, const uint8_t *tokens, int64_t count, progress_meter *meter, double *out) {
    double sum = 0;
    for (int64_t i = 1; i < count; i++) {
        TRY(look(meter, i - 1));
        sum -= log(ngram_probability(m, tokens, i, tokens[i]));
    }
    *out = sum / (double)(count - 1);
    return SIGMOE_OK;
}
