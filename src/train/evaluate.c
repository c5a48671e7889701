#include "train/evaluate.h"

#include "base/memory_limit.h"
#include "base/progress.h"
#include "data/batch_stream.h"
#include "model/size.h"

#include <math.h>
#include <stdio.h>

sigmoe_scores scores_of(double nats_per_token, int64_t tokens, const split_sizes *sizes) {
    // NaN if a count is unknown.
    double bits = nats_per_token / M_LN2, units = sizes->tokens > 0 ? (double)sizes->tokens : NAN;
    return (sigmoe_scores){.tokens = tokens,
        .nats_per_token = nats_per_token,
        .perplexity = exp(nats_per_token),
        .bits_per_token = bits,
        .bits_per_char = sizes->chars > 0 ? bits * units / (double)sizes->chars : NAN,
        .bits_per_byte = sizes->bytes > 0 ? bits * units / (double)sizes->bytes : NAN,
        .word_perplexity = sizes->words > 0 ? exp(nats_per_token * units / (double)sizes->words) : NAN};
}

sigmoe_status scored_sizes(const dataset *data, const char *split, const token_split *tokens,
    int64_t limit_tokens, int64_t scored, split_sizes *out) {
    bool part = limit_tokens > 0 && limit_tokens < token_split_count(tokens) - 1;
    *out = *dataset_split(data, split);
    return part ? dataset_part_sizes(data, split, tokens, 1, scored, out) : SIGMOE_OK;
}

typedef struct buffers {
    int32_t *inputs, *targets; // [B, T]
    double *nats;              // [B * T]
} buffers;

static sigmoe_status take_buffers(arena *a, int64_t batch, int64_t unroll, buffers *out) {
    int64_t tokens;
    if (!size_product(&tokens, batch, unroll))
        return fail(SIGMOE_BAD_ARGUMENT, "a batch of %lld streams is too large", (long long)batch);
    TRY(ARENA_NEW(a, out->inputs, tokens));
    TRY(ARENA_NEW(a, out->targets, tokens));
    return ARENA_NEW(a, out->nats, tokens);
}

// Tokens of a window that the previous window has seen, too.
static int64_t overlap_of(const evaluation *e) {
    return e->stride > 0 ? transformer_config(e->model)->unroll - e->stride : 0;
}

// Segments of memory: no more than the text can fill, so that a short text does not ask for room it cannot use.
static int64_t segments_of(const evaluation *e, const batch_stream *stream) {
    int64_t all = batch_stream_steps_per_epoch(stream);
    return e->memory_segments < all ? e->memory_segments : all;
}

// Moves to the next window and trims the memory to end before it; false at the end of the text.
static bool move_on(const evaluation *e, batch_stream *stream, xl_memory *memory, int64_t overlap) {
    if (stream->position == stream->length) return false;
    stream->position -= overlap;
    xl_memory_trim(memory, overlap, segments_of(e, stream) * stream->unroll);
    return true;
}

static sigmoe_status score_stream(
    const evaluation *e, batch_stream *stream, xl_memory *memory, const buffers *b, sigmoe_scores *scores) {
    progress_meter meter;
    progress_begin(&meter, e->observer, e->task, "tokens", 0, (double)(stream->length * stream->batch));
    double total = 0;
    int64_t scored = 0, overlap = overlap_of(e), length;
    whole_batch whole = {.exchange = e->exchange};
    bool is_first;
    do {
        TRY(batch_stream_next(stream, b->inputs, b->targets, &length, &is_first));
        int64_t context = is_first ? 0 : overlap;
        TRY(progress_at(&meter, (double)scored));
        if (e->between) TRY(e->between(e->between_context));
        step_context step = {.kernel = e->kernel,
            .activations = e->activations,
            .tokens = b->inputs,
            .batch = stream->count,
            .length = length,
            .step = (uint64_t)scored,
            .statistics = e->statistics};
        if (e->exchange) step.whole = &whole;
        whole.first = stream->first * length;
        if (e->statistics) {
            e->statistics->first = stream->position - length;
            e->statistics->stream = stream->length;
        }
        if (stream->count > 0 || transformer_is_part(e->model))
            TRY(transformer_loss(e->model, &step, memory, b->targets, b->nats));
        for (int64_t s = 0; s < stream->count; s++)
            for (int64_t i = context; i < length; i++) total += b->nats[s * length + i];
        scored += stream->batch * (length - context);
    } while (move_on(e, stream, memory, overlap));
    meter.state.done = (double)scored;
    progress_end(&meter);
    TRY(whole_batch_sum(&whole, &total, 1, e->kernel.scratch));
    if (!isfinite(total))
        return fail(SIGMOE_NOT_FINITE, "the model's loss is not finite: its weights overflow");
    split_sizes sizes;
    TRY(scored_sizes(e->data, e->split, e->tokens, e->limit_tokens, scored, &sizes));
    *scores = scores_of(total / (double)scored, scored, &sizes);
    return SIGMOE_OK;
}

// Where there are more processes than streams, some have none.
static void share_streams(const evaluation *e, batch_stream *stream) {
    int64_t parts = e->exchange ? e->exchange->parts : 1;
    int64_t first = e->batch * e->rank / parts, end = e->batch * (e->rank + 1) / parts;
    batch_stream_share(stream, first, end - first);
}

static sigmoe_status check_memory(const evaluation *e, int64_t segments) {
    const model_config *config = transformer_config(e->model);
    dtype operands = transformer_operands(e->model);
    char what[96];
    int64_t rows;
    memory_need need = {.what = what, .saves = "a smaller `batch`, or fewer memory segments,"};
    if (!size_product(&rows, segments, config->unroll)) return SIGMOE_OK; // refused where it is created
    snprintf(what, sizeof what, "scoring %lld streams of windows of %lld tokens", (long long)e->batch,
        (long long)config->unroll);
    TRY(model_weight_bytes(config, STORE_VALUES, operands, &need.bytes));
    need.bytes += model_inference_memory(config, e->batch, config->unroll, rows, operands);
    need.bytes += model_xl_memory_bytes(config, e->batch, rows);
    return memory_check(&need);
}

sigmoe_status evaluate(const evaluation *e, sigmoe_scores *scores) {
    const model_config *config = transformer_config(e->model);
    batch_stream stream;
    TRY(batch_stream_open(&stream, e->tokens, e->batch, config->unroll, true, e->limit_tokens));
    share_streams(e, &stream);
    // Each window is first remembered as a whole.
    int64_t segments = segments_of(e, &stream) + (overlap_of(e) > 0);
    arena *a;
    TRY(check_memory(e, segments));
    TRY(arena_create("evaluation", &a));
    buffers b = {0};
    xl_memory *memory = NULL;
    sigmoe_status status = take_buffers(a, e->batch, config->unroll, &b);
    if (status == SIGMOE_OK)
        status = xl_memory_create(config, stream.count, segments, config->unroll, &memory);
    if (status == SIGMOE_OK) status = score_stream(e, &stream, memory, &b, scores);
    xl_memory_destroy(memory);
    arena_destroy(a);
    return status;
}

sigmoe_status scoring_check(const dataset *data, const char *split, const char *name, int64_t limit_tokens) {
    if (limit_tokens > 0 && limit_tokens < SCORE_STREAMS)
        return fail(SIGMOE_BAD_ARGUMENT, "%s is %lld; it must be 0 (all) or at least %d", name,
            (long long)limit_tokens, SCORE_STREAMS);
    token_split *tokens;
    TRY(dataset_open_split(data, split, &tokens));
    int64_t count = token_split_count(tokens);
    token_split_close(tokens);
    if (count > SCORE_STREAMS) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "split %s of %s has %lld tokens, but scoring needs %d or more: prepare more text", split,
        data->directory, (long long)count, SCORE_STREAMS + 1);
}
