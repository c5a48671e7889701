#include "generate/likelihood.h"

#include "base/progress.h"
#include "generate/passage_tokens.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "system/file.h"

#include <stdlib.h>
#include <string.h>

typedef struct judgement {
    const likelihood_judge *judge;
    const sigmoe_likelihood_request *request;
    sigmoe_likelihood *results;
    arena *arena;                 // holds the buffers
    int64_t unroll;               // T
    passage_tokens *passages;     // [count]
    const passage_tokens **order; // [count]: passages whose contexts begin alike are neighbours
    decoder *decoder;
    text_cache *trunk;           // of the newest context
    const passage_tokens *above; // the passage that the trunk has tokens of; NULL: none yet
    text_cache *branch;          // where the trunk is to stay as it is; NULL until then
    matrix after, logits;        // what follows the context [1, V], and tokens of the continuation [T, V]
    double *nats;                // [T]
    progress_meter meter;
    int64_t done; // tokens
} judgement;

// ---------------------------------------------------------------- passages

static int64_t index_of(const judgement *j, const passage_tokens *p) {
    return p - j->passages;
}

// Where a passage stands; what is wrong in a file is no wrong argument.
static sigmoe_status in_passage(const judgement *j, const passage_tokens *p, sigmoe_status status) {
    const sigmoe_likelihood_request *r = j->request;
    int64_t index = index_of(j, p);
    if (status == SIGMOE_OK) return status;
    if (r->file) {
        if (status == SIGMOE_BAD_ARGUMENT) status = SIGMOE_BAD_FORMAT;
        return fail_in(status, "%s, line %lld", r->file, (long long)r->passages[index].line);
    }
    return r->count > 1 ? fail_in(status, "passage %lld", (long long)index + 1) : status;
}

static sigmoe_status encode_passages(judgement *j, int64_t *longest, int64_t *total) {
    const likelihood_judge *by = j->judge;
    *longest = *total = 0;
    TRY(ARENA_NEW(j->arena, j->passages, j->request->count));
    for (int64_t i = 0; i < j->request->count; i++) {
        passage_tokens *p = &j->passages[i];
        sigmoe_status status =
            passage_encode(by->codec, &j->request->passages[i], j->arena, by->work->activations, p);
        TRY(in_passage(j, p, status));
        *longest = most(*longest, p->count);
        *total += p->count;
    }
    return SIGMOE_OK;
}

static int64_t common_context(const passage_tokens *a, const passage_tokens *b) {
    int64_t shorter = least(a->context, b->context), n = 0;
    while (n < shorter && a->ids[n] == b->ids[n]) n++;
    return n;
}

static bool same_context(const passage_tokens *a, const passage_tokens *b) {
    return a->context == b->context && common_context(a, b) == a->context;
}

static int by_context(const void *left, const void *right) {
    const passage_tokens *a = *(const passage_tokens *const *)left,
                         *b = *(const passage_tokens *const *)right;
    int64_t n = common_context(a, b);
    if (n < a->context && n < b->context) return a->ids[n] < b->ids[n] ? -1 : 1;
    if (a->context != b->context) return a->context < b->context ? -1 : 1;
    return a < b ? -1 : a > b;
}

static sigmoe_status sort_passages(judgement *j) {
    int64_t count = j->request->count;
    TRY(ARENA_NEW_RAW(j->arena, j->order, count));
    for (int64_t i = 0; i < count; i++) j->order[i] = &j->passages[i];
    qsort(j->order, (size_t)count, sizeof *j->order, by_context);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- one passage

static bool is_highest(const real *logits, int64_t n, int32_t token) {
    int64_t before = 0;
    for (int64_t i = 0; i < n; i++)
        before += logits[i] > logits[token] || (logits[i] == logits[token] && i < token);
    return before == 0;
}

// What rows of logits, which are overwritten, say of the tokens behind them.
static sigmoe_status add_rows(judgement *j, matrix logits, const int32_t *tokens, sigmoe_likelihood *result) {
    for (int64_t i = 0; i < logits.rows && result->greedy; i++)
        result->greedy = is_highest((real *)matrix_row(logits, i), logits.cols, tokens[i]);
    TRY(cross_entropy_of_logits(&j->judge->work->kernel, logits, tokens, j->nats));
    for (int64_t i = 0; i < logits.rows; i++) {
        if (!isfinite(j->nats[i])) return fail(SIGMOE_NOT_FINITE, "a logit of the model is NaN or infinite");
        result->nats += j->nats[i];
    }
    return SIGMOE_OK;
}

static sigmoe_status advance(judgement *j, int64_t tokens) {
    j->done += tokens;
    return progress_at(&j->meter, (double)j->done);
}

// Tokens of a text up to the end of its segment, at most `count`.
static int64_t next_part(const judgement *j, const text_cache *cache, int64_t count) {
    return least(count, j->unroll - text_cache_length(cache) % j->unroll);
}

// Feeds the trunk the passage's context, beginning with the segments that it has already: where passes begin and end does not
// depend on what other passages have in common with it.
static sigmoe_status feed_context(judgement *j, const passage_tokens *p) {
    int64_t at = j->above ? least(common_context(j->above, p), p->context - 1) : 0;
    at = decoder_rewind(j->decoder, j->trunk, at / j->unroll * j->unroll);
    TRY(advance(j, at));
    for (int64_t n; at < p->context; at += n) {
        n = next_part(j, j->trunk, p->context - at);
        TRY(decoder_feed(j->decoder, j->trunk, p->ids + at, n, j->after));
        TRY(advance(j, n));
    }
    j->above = p;
    return SIGMOE_OK;
}

// The tokens behind the first one, which the context's logits have been asked for.
static sigmoe_status feed_continuation(
    judgement *j, const passage_tokens *p, text_cache *cache, sigmoe_likelihood *result) {
    for (int64_t at = p->context, n; at < p->count - 1; at += n) {
        n = next_part(j, cache, p->count - 1 - at);
        matrix logits = matrix_part(j->logits, 0, n, 0, j->logits.cols);
        TRY(decoder_feed(j->decoder, cache, p->ids + at, n, logits));
        TRY(add_rows(j, logits, p->ids + at + 1, result));
        TRY(advance(j, n));
    }
    return SIGMOE_OK;
}

static sigmoe_status branch_off(judgement *j) {
    if (!j->branch) return text_cache_clone(j->trunk, &j->branch);
    text_cache_copy(j->trunk, j->branch);
    return SIGMOE_OK;
}

// `last`: nobody needs the trunk behind the context any more.
static sigmoe_status judge_passage(judgement *j, const passage_tokens *p, bool last) {
    sigmoe_likelihood *result = &j->results[index_of(j, p)];
    *result = (sigmoe_likelihood){.tokens = p->count - p->context, .greedy = true};
    if (result->tokens == 0) return advance(j, p->count);
    if (j->above && same_context(j->above, p))
        TRY(advance(j, p->context));
    else
        TRY(feed_context(j, p));
    matrix after = matrix_part(j->logits, 0, 1, 0, j->logits.cols);
    memcpy(after.data, j->after.data, (size_t)after.cols * sizeof(real));
    TRY(add_rows(j, after, p->ids + p->context, result));
    if (result->tokens > 1 && !last) TRY(branch_off(j));
    TRY(feed_continuation(j, p, last ? j->trunk : j->branch, result));
    return advance(j, 1);
}

// ---------------------------------------------------------------- all passages

static sigmoe_status prepare(judgement *j, int64_t longest) {
    enum { TRUNK_AND_BRANCH = 2 };
    const model_config *config = transformer_config(j->judge->model);
    int64_t memory;
    if (!size_product(&memory, config->memory_eval, config->unroll))
        return fail(
            SIGMOE_BAD_ARGUMENT, "a memory of %lld segments is too large", (long long)config->memory_eval);
    TRY(decoder_create(j->judge->model, j->judge->work, memory, longest, TRUNK_AND_BRANCH, &j->decoder));
    TRY(decoder_begin(j->decoder, &j->trunk));
    int64_t rows = least(j->unroll, longest);
    TRY(matrix_new(j->arena, TYPE_REAL, 1, config->vocab_size, &j->after));
    TRY(matrix_new(j->arena, TYPE_REAL, rows, config->vocab_size, &j->logits));
    return ARENA_NEW_RAW(j->arena, j->nats, rows);
}

static sigmoe_status judge_all(judgement *j, const sigmoe_observer *observer) {
    int64_t longest, total, count = j->request->count;
    TRY(encode_passages(j, &longest, &total));
    TRY(sort_passages(j));
    TRY(prepare(j, longest));
    progress_begin(&j->meter, observer, "score", "tokens", 0, (double)total);
    for (int64_t i = 0; i < count; i++) {
        bool last = i + 1 == count || !same_context(j->order[i], j->order[i + 1]);
        TRY(in_passage(j, j->order[i], judge_passage(j, j->order[i], last)));
    }
    progress_end(&j->meter);
    return SIGMOE_OK;
}

typedef struct result_list {
    const sigmoe_likelihood *items;
    int64_t count;
} result_list;

static sigmoe_status print_results(FILE *out, const void *context) {
    const result_list *results = context;
    for (int64_t i = 0; i < results->count; i++) {
        const sigmoe_likelihood *r = &results->items[i];
        fprintf(out, "{\"nats\": %.17g, \"tokens\": %lld, \"greedy\": %s}\n", r->nats, (long long)r->tokens,
            r->greedy ? "true" : "false");
    }
    return SIGMOE_OK;
}

static sigmoe_status judge_passages(judgement *j, const sigmoe_observer *observer) {
    const sigmoe_likelihood_request *r = j->request;
    if (r->out) TRY(file_replaceable(r->out));
    if (r->count > 0) TRY(judge_all(j, observer));
    return r->out ? file_print(r->out, print_results, &(result_list){j->results, r->count}) : SIGMOE_OK;
}

sigmoe_status likelihoods_of(const likelihood_judge *judge, const sigmoe_likelihood_request *request,
    const sigmoe_observer *observer, sigmoe_likelihood *results) {
    judgement j = {.judge = judge,
        .request = request,
        .results = results,
        .unroll = transformer_config(judge->model)->unroll};
    if (request->count < 0 || (request->count > 0 && !request->passages))
        return fail(SIGMOE_BAD_ARGUMENT, "there are %lld passages", (long long)request->count);
    TRY(arena_create("likelihoods", &j.arena));
    sigmoe_status status = judge_passages(&j, observer);
    text_cache_destroy(j.branch);
    text_cache_destroy(j.trunk);
    decoder_destroy(j.decoder);
    arena_destroy(j.arena);
    return status;
}
