#include "bench/generate.h"

#include "bench/bench.h"
#include "config/config_file.h"
#include "kernels/peak/bandwidth.h"
#include "model/decoder.h"

#include <math.h>
#include <string.h>

enum { TOKENS_OF_A_ROUND = 10 };

typedef struct token_bench {
    const sigmoe_bench_generate_request *request;
    const model_config *config;
    transformer *model;
    workspace work;
    decoder *decoder;
    text_cache *cache;
    double *seconds; // [tokens]
    matrix logits;   // [1, V]
} token_bench;

// The bytes of an element of the weights, without the scales of their rows.
static double weight_element(const token_bench *b) {
    return b->request->dtype == SIGMOE_INT8 ? 1 : (double)dtype_size(operand_type(b->request->dtype));
}

// Weights of a feedforward block that choose what is computed: each of them is read, and never in 8 bits.
static double choosing_weights(const token_bench *b) {
    const parameter_list *list = transformer_parameters(b->model);
    double count = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (strncmp(p->name, "layers.0.ff.", strlen("layers.0.ff.")) == 0 && p->product && !p->large)
            count += (double)p->count;
    }
    return count;
}

// What a token has to read: each weight that it is multiplied by, and of every row that it sees keys, values and positions.
static double bytes_per_token(const token_bench *b) {
    const model_config *c = b->config;
    ff_surroundings around = model_ff_surroundings(c);
    double d = (double)c->d_model, inner = (double)(c->n_heads * c->d_head), layers = (double)c->n_layers;
    double operand = (double)dtype_size(operand_type(b->request->dtype));
    double attention = 4 * d * inner, rows = 3 * inner * (double)b->request->context;
    double ff = c->variant->executed_multiply_adds(&c->ff, &around);
    double choosing = fmin(choosing_weights(b), ff);
    double head = (double)c->vocab_size * d;
    return operand * layers * (rows + choosing) +
           weight_element(b) * (layers * (attention + ff - choosing) + head);
}

static int32_t token_at(const token_bench *b, int64_t position) {
    random_stream stream = {.purpose = RANDOM_TEST};
    return (int32_t)(random_uniform(stream, (uint64_t)position) * (double)b->config->vocab_size);
}

// The text before the tokens that are timed: each of them sees `context` rows, itself included.
static sigmoe_status fill_cache(token_bench *b) {
    int64_t count = b->request->context - 1;
    int32_t *tokens;
    TRY(ARENA_NEW(b->work.activations, tokens, most(count, 1)));
    for (int64_t i = 0; i < count; i++) tokens[i] = token_at(b, i);
    return count > 0 ? decoder_feed(b->decoder, b->cache, tokens, count, b->logits) : SIGMOE_OK;
}

// Each token takes the place of the one before.
static sigmoe_status time_token(token_bench *b, int64_t index, double *seconds) {
    int32_t token = token_at(b, b->request->context + index);
    double start = seconds_now();
    TRY(decoder_step(b->decoder, &b->cache, &token, 1, b->logits));
    *seconds = seconds_now() - start;
    text_cache_rewind(b->cache, b->request->context - 1);
    return SIGMOE_OK;
}

// Times `count` tokens, then the memory at once: what a shared machine gives of it changes from second to second.
static sigmoe_status time_round(token_bench *b, int64_t first, int64_t count, double *share) {
    double warm_up, bandwidth, *seconds = b->seconds + first;
    for (int64_t i = 0; i < BENCH_WARM_UPS; i++) TRY(time_token(b, first + i, &warm_up));
    for (int64_t i = 0; i < count; i++) TRY(time_token(b, first + BENCH_WARM_UPS + i, &seconds[i]));
    TRY(peak_read_bandwidth(&b->work.kernel, &bandwidth));
    *share = 1e-9 * bytes_per_token(b) / bench_median(seconds, (int)count) / bandwidth;
    return SIGMOE_OK;
}

static sigmoe_status time_rounds(token_bench *b, double *fraction_of_bandwidth) {
    int64_t tokens = b->request->tokens, rounds = divide_up(tokens, TOKENS_OF_A_ROUND);
    double *shares;
    TRY(ARENA_NEW(b->work.activations, shares, rounds));
    for (int64_t i = 0; i < rounds; i++) {
        int64_t first = i * TOKENS_OF_A_ROUND;
        TRY(time_round(b, first, least(tokens - first, TOKENS_OF_A_ROUND), &shares[i]));
    }
    *fraction_of_bandwidth = bench_median(shares, (int)rounds);
    return SIGMOE_OK;
}

static sigmoe_status measure(token_bench *b, sigmoe_bench_generate_result *result) {
    arena *a = b->work.activations;
    double fraction_of_bandwidth;
    // A segment that is as long as the context: the rows before it do not matter.
    TRY(decoder_create(b->model, &b->work, b->request->context, b->request->context, 1, &b->decoder));
    TRY(decoder_begin(b->decoder, &b->cache));
    TRY(ARENA_NEW(a, b->seconds, b->request->tokens));
    TRY(matrix_new(a, TYPE_REAL, 1, b->config->vocab_size, &b->logits));
    TRY(fill_cache(b));
    TRY(time_rounds(b, &fraction_of_bandwidth));
    double rate = 1 / bench_median(b->seconds, (int)b->request->tokens), bytes = bytes_per_token(b);
    *result = (sigmoe_bench_generate_result){.tokens_per_s = rate,
        .bytes_per_token = bytes,
        .gigabytes_per_s = 1e-9 * bytes * rate,
        .fraction_of_bandwidth = fraction_of_bandwidth,
        .isa = cpu_level_name(cpu_current())};
    return SIGMOE_OK;
}

static sigmoe_status run(token_bench *b, sigmoe_bench_generate_result *result) {
    TRY(workspace_open(b->request->threads, &b->work));
    TRY(transformer_create(b->config, parameter_storage_of(b->request->dtype), &b->model));
    parameters_initialize(&b->work.kernel, transformer_parameters(b->model), 0);
    return measure(b, result);
}

sigmoe_status bench_generate(
    const sigmoe_bench_generate_request *request, sigmoe_bench_generate_result *result) {
    if (!request->config) return fail(SIGMOE_BAD_ARGUMENT, "tokens of what? A configuration is needed");
    const bench_size sizes[] = {{"tokens", request->tokens}, {"context", request->context}};
    TRY(bench_check(sizes, 2));
    // Segments as long as the context: every row before the token is in its own.
    model_config config = request->config->model;
    config.unroll = most(config.unroll, request->context);
    token_bench b = {.request = request, .config = &config};
    sigmoe_status status = run(&b, result);
    text_cache_destroy(b.cache);
    decoder_destroy(b.decoder);
    transformer_destroy(b.model);
    workspace_close(&b.work);
    return status;
}
