#include "data/ngram_split.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 1 << 12 }; // tokens that are read at once

static sigmoe_status read_part(
    const token_split *source, int64_t first, int64_t count, progress_meter *meter, int32_t *tokens) {
    for (int64_t done = 0; done < count; done += BLOCK) {
        int64_t length = count - done < BLOCK ? count - done : BLOCK;
        TRY(progress_at(meter, meter->state.done + (double)length));
        TRY(token_split_copy(source, first + done, length, tokens + done));
    }
    return SIGMOE_OK;
}

sigmoe_status ngram_train_streams(const token_split *source, int64_t streams, int64_t each, int64_t most,
    int64_t vocab_size, int order, arena *a, progress_meter *meter, ngram_model **out, int64_t *counted) {
    int64_t length = (token_split_count(source) - 1) / streams, part = each < length ? each : length;
    int32_t *tokens;
    arena *own;
    if (part > most / streams) part = most / streams;
    *counted = part * streams + 1; // with the last one's target
    TRY(arena_create("tokens for n-grams", &own));
    sigmoe_status status = ARENA_NEW_RAW(own, tokens, *counted);
    for (int64_t s = 0; status == SIGMOE_OK && s < streams; s++)
        status = read_part(source, s * length, part + (s == streams - 1), meter, tokens + s * part);
    if (status == SIGMOE_OK)
        status = ngram_train(a, tokens, *counted, vocab_size, order, NGRAM_MOST_NODES, meter, out);
    arena_destroy(own);
    return status;
}

static void add_tokens(
    const ngram_model *m, ngram_history *history, const int32_t *tokens, int64_t count, double *sums) {
    double probabilities[NGRAM_MOST_ORDER + 1];
    for (int64_t i = 0; i < count; i++) {
        ngram_next(m, history, tokens[i], probabilities);
        for (int k = 0; k <= ngram_order(m); k++) sums[k] -= log(probabilities[k]);
    }
}

sigmoe_status ngram_score_split(const ngram_model *m, const token_split *source, int64_t first,
    int64_t scored, progress_meter *meter, double nats[NGRAM_MOST_ORDER + 1]) {
    int32_t block[BLOCK];
    double unused[NGRAM_MOST_ORDER + 1] = {0}, sums[NGRAM_MOST_ORDER + 1] = {0};
    ngram_history history;
    ngram_history_begin(&history);
    TRY(token_split_copy(source, first, 1, block));
    add_tokens(m, &history, block, 1, unused); // it has no context, and no model is asked for it
    for (int64_t done = 0; done < scored;) {
        int64_t length = scored - done < BLOCK ? scored - done : BLOCK;
        TRY(progress_at(meter, meter->state.done + (double)length));
        TRY(token_split_copy(source, first + 1 + done, length, block));
        add_tokens(m, &history, block, length, sums);
        done += length;
    }
    for (int k = 0; k <= ngram_order(m); k++) nats[k] = sums[k] / (double)scored;
    return SIGMOE_OK;
}
