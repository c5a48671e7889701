#include "bench/kernel_cases.h"

#include "bench/attention.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/product_key/product_key.h"
#include "kernels/top_k/top_k.h"
#include "kernels/weighted_rows/weighted_rows.h"
#include "model/feedforward/token_grouping.h"

// WT-S: a batch of 8 segments of 256 tokens, with the same number in memory.
enum { TOKENS = 2048, WIDTH = 412, INNER = 410, CHANNELS = 2053, VOCABULARY = 8000 };
enum {
    EXPERTS = 16,
    EXPERT_SIZE = 128,
    CHOSEN = 4,
    SUBKEYS = 62,
    NEAREST = 32,
    HEADS = 4,
    TOP_CHANNELS = 512
};
enum { LOSS_ROWS = 512 }; // two chunks of the loss: a whole batch would take the reference minutes

static double bytes_of(double elements) {
    return elements * (double)sizeof(real);
}

static double operand_bytes(const kernel_run *r, double elements) {
    return elements * (double)dtype_size(operand_type(r->operands));
}

// ---------------------------------------------------------------- dense products

static sigmoe_status prepare_product(
    kernel_run *r, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k) {
    gemm_call *g = &r->gemm;
    *g = (gemm_call){.transpose_a = transpose_a, .transpose_b = transpose_b};
    TRY(bench_operand(r->a, r->operands, transpose_a ? k : m, transpose_a ? m : k, 0, &g->a));
    TRY(bench_operand(r->a, r->operands, transpose_b ? n : k, transpose_b ? k : n, 1, &g->b));
    TRY(matrix_new(r->a, TYPE_REAL, m, n, &g->c));
    r->flops = 2.0 * (double)m * (double)n * (double)k;
    r->bytes = operand_bytes(r, (double)(m * k + k * n)) + bytes_of((double)(m * n));
    return SIGMOE_OK;
}

static sigmoe_status prepare_projection(kernel_run *r) {
    return prepare_product(r, false, true, TOKENS, INNER, WIDTH);
}
static sigmoe_status prepare_dense_up(kernel_run *r) {
    return prepare_product(r, false, true, TOKENS, CHANNELS, WIDTH);
}
static sigmoe_status prepare_dense_down(kernel_run *r) {
    return prepare_product(r, false, true, TOKENS, WIDTH, CHANNELS);
}
static sigmoe_status prepare_weight_gradient(kernel_run *r) {
    return prepare_product(r, true, false, CHANNELS, WIDTH, TOKENS);
}
static sigmoe_status multiply(kernel_run *r) {
    return dense_gemm(&r->kernel, &r->gemm);
}

// Keeps the TOP_CHANNELS largest of each row of the sparse operand [TOKENS, CHANNELS].
static sigmoe_status keep_channels(kernel_run *r, matrix *out) {
    matrix channels;
    real *threshold;
    TRY(bench_matrix(r->a, TOKENS, CHANNELS, 2, &channels));
    TRY(ARENA_NEW(r->a, threshold, TOKENS));
    TRY(kth_largest_rows(&r->kernel, channels, TOP_CHANNELS, threshold));
    for (int64_t t = 0; t < TOKENS; t++)
        for (int64_t i = 0; i < CHANNELS; i++) {
            real *channel = matrix_real(channels) + t * channels.stride + i;
            if (*channel < threshold[t]) *channel = 0;
        }
    TRY(matrix_new(r->a, operand_type(r->operands), TOKENS, CHANNELS, out));
    copy_into(&r->kernel, *out, channels);
    return SIGMOE_OK;
}

// The product of the same sizes whose left factor are these channels.
static sigmoe_status prepare_sparse(
    kernel_run *r, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k) {
    TRY(prepare_product(r, transpose_a, transpose_b, m, n, k));
    r->sparse = (sparse_gemm_call){
        .transpose_a = transpose_a, .transpose_b = transpose_b, .b = r->gemm.b, .c = r->gemm.c};
    r->flops *= (double)TOP_CHANNELS / CHANNELS;
    return keep_channels(r, &r->sparse.a);
}
static sigmoe_status prepare_sparse_down(kernel_run *r) {
    return prepare_sparse(r, false, true, TOKENS, WIDTH, CHANNELS);
}
static sigmoe_status prepare_sparse_gradient(kernel_run *r) {
    return prepare_sparse(r, true, false, CHANNELS, WIDTH, TOKENS);
}
static sigmoe_status multiply_sparse(kernel_run *r) {
    return sparse_gemm(&r->kernel, &r->sparse);
}

// ---------------------------------------------------------------- experts

static sigmoe_status choose_experts(kernel_run *r) {
    matrix scores;
    int32_t *chosen;
    TRY(bench_matrix(r->a, TOKENS, EXPERTS, 7, &scores));
    TRY(ARENA_NEW(r->a, chosen, TOKENS * CHOSEN));
    TRY(top_k_rows(&r->kernel, scores, CHOSEN, chosen));
    return group_tokens(r->a, chosen, TOKENS, CHOSEN, EXPERTS, &r->experts.grouping);
}

static sigmoe_status prepare_experts(kernel_run *r) {
    const int64_t weights = (int64_t)EXPERTS * WIDTH * EXPERT_SIZE, pairs = TOKENS * CHOSEN;
    expert_ffn_gradients *g = &r->experts.gradients;
    matrix up, down, weight;
    TRY(choose_experts(r));
    TRY(bench_operand(r->a, r->operands, EXPERTS * WIDTH, EXPERT_SIZE, 0, &up));
    TRY(bench_operand(r->a, r->operands, EXPERTS * EXPERT_SIZE, WIDTH, 1, &down));
    TRY(bench_matrix(r->a, TOKENS, CHOSEN, 2, &weight));
    r->experts.call = (expert_ffn_call){.grouping = &r->experts.grouping,
        .set = {.experts = EXPERTS,
            .width = WIDTH,
            .expert_size = EXPERT_SIZE,
            .out_width = WIDTH,
            .up = up,
            .down = down},
        .weight = matrix_real(weight)};
    TRY(bench_operand(r->a, r->operands, TOKENS, WIDTH, 3, &r->experts.call.x));
    TRY(matrix_new(r->a, operand_type(r->operands), pairs, EXPERT_SIZE, &r->experts.call.hidden));
    TRY(matrix_new(r->a, TYPE_REAL, TOKENS, WIDTH, &r->experts.y));
    *g = (expert_ffn_gradients){0};
    TRY(bench_operand(r->a, r->operands, TOKENS, WIDTH, 4, &g->dy));
    TRY(matrix_new(r->a, TYPE_REAL, TOKENS, WIDTH, &g->dx));
    TRY(bench_matrix(r->a, EXPERTS * WIDTH, EXPERT_SIZE, 5, &g->dup));
    TRY(bench_matrix(r->a, EXPERTS * EXPERT_SIZE, WIDTH, 6, &g->ddown));
    TRY(ARENA_NEW(r->a, g->dweight, pairs));
    r->flops = 2.0 * 2 * (double)pairs * EXPERT_SIZE * WIDTH;
    r->bytes = operand_bytes(r, 2.0 * weights + (double)TOKENS * WIDTH + (double)pairs * EXPERT_SIZE) +
               bytes_of((double)TOKENS * WIDTH);
    return expert_ffn_up(&r->kernel, &r->experts.call);
}

static sigmoe_status experts_forward(kernel_run *r) {
    TRY(expert_ffn_up(&r->kernel, &r->experts.call));
    return expert_ffn_down(&r->kernel, &r->experts.call, r->experts.y);
}

static sigmoe_status prepare_experts_backward(kernel_run *r) {
    TRY(prepare_experts(r));
    r->flops *= 2;
    // Weight gradients are read and written.
    const double weights = 2.0 * EXPERTS * WIDTH * EXPERT_SIZE;
    r->bytes = operand_bytes(r, weights + 2.0 * TOKENS * WIDTH + (double)TOKENS * CHOSEN * EXPERT_SIZE) +
               bytes_of(2 * weights + (double)TOKENS * WIDTH);
    return SIGMOE_OK;
}
static sigmoe_status experts_backward(kernel_run *r) {
    return expert_ffn_backward(&r->kernel, &r->experts.call, &r->experts.gradients);
}

// ---------------------------------------------------------------- attention

static sigmoe_status prepare_attention(kernel_run *r) {
    sigmoe_bench_attention_request wts = wt_s_attention;
    wts.dtype = r->operands;
    TRY(bench_attention_data(&wts, r->a, &r->attention.call, &r->attention.gradients));
    const attention_call *c = &r->attention.call;
    double elements = (double)(2 * c->q.rows + 2 * c->k.rows + c->positions.rows) * (double)c->q.cols;
    r->flops = bench_attention_flops(&wts);
    r->bytes = operand_bytes(r, elements);
    return attention_forward(&r->kernel, c);
}
static sigmoe_status attend(kernel_run *r) {
    return attention_forward(&r->kernel, &r->attention.call);
}
static sigmoe_status prepare_attention_backward(kernel_run *r) {
    TRY(prepare_attention(r));
    r->flops *= 2;
    r->bytes *= 2;
    return SIGMOE_OK;
}
static sigmoe_status attend_backward(kernel_run *r) {
    return attention_backward(&r->kernel, &r->attention.call, &r->attention.gradients);
}

// ---------------------------------------------------------------- loss

static sigmoe_status prepare_loss(kernel_run *r) {
    cross_entropy_call *c = &r->loss.call;
    cross_entropy_gradients *g = &r->loss.gradients;
    matrix bias;
    int32_t *targets;
    TRY(bench_operand(r->a, r->operands, LOSS_ROWS, WIDTH, 0, &c->x));
    TRY(bench_operand(r->a, r->operands, VOCABULARY, WIDTH, 1, &c->weight));
    TRY(bench_matrix(r->a, 1, VOCABULARY, 2, &bias));
    TRY(ARENA_NEW(r->a, targets, LOSS_ROWS));
    for (int i = 0; i < LOSS_ROWS; i++) targets[i] = i * 3 % VOCABULARY;
    c->bias = matrix_real(bias);
    c->targets = targets;
    TRY(ARENA_NEW(r->a, c->nats, LOSS_ROWS));
    *g = (cross_entropy_gradients){.scale = (real)1 / LOSS_ROWS};
    TRY(matrix_new(r->a, TYPE_REAL, LOSS_ROWS, WIDTH, &g->dx));
    TRY(bench_matrix(r->a, VOCABULARY, WIDTH, 3, &g->dweight));
    TRY(ARENA_NEW(r->a, g->dbias, VOCABULARY));
    r->flops = 3 * 2.0 * LOSS_ROWS * VOCABULARY * WIDTH;
    r->bytes = operand_bytes(r, (double)(LOSS_ROWS + VOCABULARY) * WIDTH) +
               bytes_of((double)LOSS_ROWS * WIDTH + 2.0 * VOCABULARY * WIDTH);
    return SIGMOE_OK;
}
static sigmoe_status train_loss(kernel_run *r) {
    return cross_entropy_train(&r->kernel, &r->loss.call, &r->loss.gradients);
}

// ---------------------------------------------------------------- layer norm: limited by memory

static sigmoe_status prepare_norm(kernel_run *r) {
    layer_norm_call *c = &r->norm.call;
    matrix weights;
    TRY(bench_matrix(r->a, TOKENS, WIDTH, 0, &c->x));
    TRY(bench_matrix(r->a, 2, WIDTH, 1, &weights));
    TRY(bench_matrix(r->a, TOKENS, WIDTH, 2, &r->norm.dy));
    TRY(bench_matrix(r->a, TOKENS, WIDTH, 3, &r->norm.dx));
    TRY(matrix_new(r->a, TYPE_REAL, TOKENS, WIDTH, &r->norm.y));
    c->weight = matrix_real(weights);
    c->bias = c->weight + WIDTH;
    TRY(ARENA_NEW(r->a, c->mean, TOKENS));
    TRY(ARENA_NEW(r->a, c->rstd, TOKENS));
    TRY(ARENA_NEW(r->a, r->norm.dweight, WIDTH));
    TRY(ARENA_NEW(r->a, r->norm.dbias, WIDTH));
    r->bytes = bytes_of(2.0 * TOKENS * WIDTH);
    return layer_norm_forward(&r->kernel, c, r->norm.y);
}
static sigmoe_status normalize(kernel_run *r) {
    return layer_norm_forward(&r->kernel, &r->norm.call, r->norm.y);
}
static sigmoe_status prepare_norm_backward(kernel_run *r) {
    TRY(prepare_norm(r));
    r->bytes = bytes_of(4.0 * TOKENS * WIDTH); // x, dy, and dx in both directions
    return SIGMOE_OK;
}
static sigmoe_status normalize_backward(kernel_run *r) {
    return layer_norm_backward(
        &r->kernel, &r->norm.call, r->norm.dy, r->norm.dx, r->norm.dweight, r->norm.dbias);
}

// ---------------------------------------------------------------- searches

static sigmoe_status prepare_search(kernel_run *r, int64_t cols, int64_t results) {
    TRY(bench_matrix(r->a, TOKENS, cols, 0, &r->rows.x));
    TRY(bench_matrix(r->a, TOKENS, cols, 1, &r->rows.y));
    TRY(ARENA_NEW(r->a, r->rows.scores, TOKENS * results));
    TRY(ARENA_NEW(r->a, r->rows.indices, TOKENS * results));
    r->bytes = bytes_of((double)TOKENS * (double)(cols + results));
    return SIGMOE_OK;
}
static sigmoe_status prepare_routing(kernel_run *r) {
    return prepare_search(r, EXPERTS, CHOSEN);
}
static sigmoe_status find_experts(kernel_run *r) {
    return top_k_rows(&r->kernel, r->rows.x, CHOSEN, r->rows.indices);
}
static sigmoe_status prepare_threshold(kernel_run *r) {
    return prepare_search(r, CHANNELS, 1);
}
static sigmoe_status find_threshold(kernel_run *r) {
    return kth_largest_rows(&r->kernel, r->rows.x, TOP_CHANNELS, r->rows.scores);
}
static sigmoe_status prepare_keys(kernel_run *r) {
    TRY(prepare_search(r, SUBKEYS, NEAREST));
    r->bytes = bytes_of((double)TOKENS * (2 * SUBKEYS + 2 * NEAREST));
    return SIGMOE_OK;
}
static sigmoe_status find_keys(kernel_run *r) {
    return product_key_search(&r->kernel, r->rows.x, r->rows.y, NEAREST, r->rows.scores, r->rows.indices);
}

static sigmoe_status prepare_values(kernel_run *r) {
    matrix weight, values;
    expert_grouping by_value;
    const int64_t slots = (int64_t)HEADS * NEAREST, pairs = TOKENS * slots, count = SUBKEYS * SUBKEYS;
    int32_t *index;
    TRY(bench_operand(r->a, r->operands, count, WIDTH, 0, &values));
    TRY(bench_matrix(r->a, TOKENS, slots, 1, &weight));
    TRY(bench_matrix(r->a, TOKENS, WIDTH, 2, &r->values.y));
    TRY(bench_matrix(r->a, count, WIDTH, 3, &r->values.dvalues));
    TRY(ARENA_NEW(r->a, index, pairs));
    TRY(ARENA_NEW(r->a, r->values.dweight, pairs));
    for (int64_t p = 0; p < pairs; p++)
        index[p] =
            (int32_t)(random_uniform((random_stream){.purpose = RANDOM_TEST}, (uint64_t)p) * (double)count);
    TRY(group_tokens(r->a, index, TOKENS, slots, count, &by_value));
    r->values.call = (weighted_rows_call){values, slots, index, matrix_real(weight)};
    r->values.pairs = (row_pairs){by_value.offset, by_value.pair};
    r->flops = 2.0 * (double)pairs * WIDTH;
    r->bytes = operand_bytes(r, (double)count * WIDTH) + bytes_of(TOKENS * WIDTH + 2.0 * (double)pairs);
    return SIGMOE_OK;
}
static sigmoe_status sum_values(kernel_run *r) {
    weighted_rows_sum(&r->kernel, &r->values.call, r->values.y);
    return SIGMOE_OK;
}
static sigmoe_status prepare_values_backward(kernel_run *r) {
    TRY(prepare_values(r));
    r->flops *= 2;
    r->bytes += bytes_of(2.0 * SUBKEYS * SUBKEYS * WIDTH);
    return SIGMOE_OK;
}
static sigmoe_status sum_values_backward(kernel_run *r) {
    weighted_rows_weight_gradient(&r->kernel, &r->values.call, r->values.y, r->values.dweight);
    weighted_rows_gradient(&r->kernel, &r->values.call, &r->values.pairs, r->values.y, r->values.dvalues);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- elementwise

static sigmoe_status prepare_rows(kernel_run *r, int64_t cols, double passes) {
    TRY(bench_matrix(r->a, TOKENS, cols, 0, &r->rows.x));
    TRY(bench_matrix(r->a, TOKENS, cols, 1, &r->rows.y));
    r->bytes = bytes_of(passes * TOKENS * (double)cols);
    return SIGMOE_OK;
}
static sigmoe_status prepare_activation(kernel_run *r) {
    return prepare_rows(r, CHANNELS, 2);
}
static sigmoe_status activate(kernel_run *r) {
    bias_relu(&r->kernel, r->rows.x, matrix_real(r->rows.y));
    return SIGMOE_OK;
}
static sigmoe_status prepare_sum(kernel_run *r) {
    return prepare_rows(r, WIDTH, 3);
}
static sigmoe_status add_up(kernel_run *r) {
    add_into(&r->kernel, r->rows.y, r->rows.x);
    return SIGMOE_OK;
}
static sigmoe_status prepare_stream(kernel_run *r) {
    return prepare_rows(r, WIDTH, 2);
}
static sigmoe_status drop_out(kernel_run *r) {
    dropout(&r->kernel, r->rows.x, 0.1, (random_stream){.purpose = RANDOM_TEST}, 0);
    return SIGMOE_OK;
}
static sigmoe_status take_softmax(kernel_run *r) {
    softmax_rows(&r->kernel, r->rows.x);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- optimizer

static sigmoe_status prepare_adam(kernel_run *r) {
    const int64_t count = (int64_t)VOCABULARY * WIDTH;
    matrix values[4];
    for (int i = 0; i < 4; i++) TRY(bench_matrix(r->a, VOCABULARY, WIDTH, (uint64_t)i, &values[i]));
    for (int64_t i = 0; i < count; i++) matrix_real(values[3])[i] *= matrix_real(values[3])[i];
    r->adam = (adam_call){.count = count,
        .value = matrix_real(values[0]),
        .gradient = matrix_real(values[1]),
        .moment1 = matrix_real(values[2]),
        .moment2 = matrix_real(values[3]),
        .gradient_factor = 1,
        .lr = 2.5e-4,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8};
    r->bytes = bytes_of(7.0 * (double)count); // the gradient is only read
    return SIGMOE_OK;
}
static sigmoe_status update(kernel_run *r) {
    return adam_update(&r->kernel, &r->adam);
}
static sigmoe_status prepare_norm_of_gradient(kernel_run *r) {
    TRY(prepare_adam(r));
    r->bytes = bytes_of((double)r->adam.count);
    return SIGMOE_OK;
}
static sigmoe_status sum_gradient(kernel_run *r) {
    double sum;
    return sum_of_squares(&r->kernel, r->adam.gradient, r->adam.count, &sum);
}

static const kernel_case cases[] = {
    {"dense_gemm", "projection 2048x410x412", SIGMOE_F32, prepare_projection, multiply},
    {"dense_gemm", "dense up 2048x2053x412", SIGMOE_F32, prepare_dense_up, multiply},
    {"dense_gemm", "dense down 2048x412x2053", SIGMOE_F32, prepare_dense_down, multiply},
    {"dense_gemm", "weight gradient 2053x412x2048", SIGMOE_F32, prepare_weight_gradient, multiply},
    {"dense_gemm_bf16", "projection 2048x410x412", SIGMOE_BF16, prepare_projection, multiply},
    {"dense_gemm_bf16", "dense up 2048x2053x412", SIGMOE_BF16, prepare_dense_up, multiply},
    {"dense_gemm_bf16", "dense down 2048x412x2053", SIGMOE_BF16, prepare_dense_down, multiply},
    {"dense_gemm_bf16", "weight gradient 2053x412x2048", SIGMOE_BF16, prepare_weight_gradient, multiply},
    {"expert_ffn", "forward 2048 tokens, 4 of 16 x 128", SIGMOE_F32, prepare_experts, experts_forward},
    {"expert_ffn", "backward 2048 tokens, 4 of 16 x 128", SIGMOE_F32, prepare_experts_backward,
        experts_backward},
    {"expert_ffn_bf16", "forward 2048 tokens, 4 of 16 x 128", SIGMOE_BF16, prepare_experts, experts_forward},
    {"expert_ffn_bf16", "backward 2048 tokens, 4 of 16 x 128", SIGMOE_BF16, prepare_experts_backward,
        experts_backward},
    {"relative_attention", "forward 8 x 256 queries, 512 keys", SIGMOE_F32, prepare_attention, attend},
    {"relative_attention", "backward 8 x 256 queries, 512 keys", SIGMOE_F32, prepare_attention_backward,
        attend_backward},
    {"relative_attention_bf16", "forward 8 x 256 queries, 512 keys", SIGMOE_BF16, prepare_attention, attend},
    {"relative_attention_bf16", "backward 8 x 256 queries, 512 keys", SIGMOE_BF16, prepare_attention_backward,
        attend_backward},
    {"linear_cross_entropy", "train 512 x 8000", SIGMOE_F32, prepare_loss, train_loss},
    {"linear_cross_entropy", "train 512 x 8000, bf16", SIGMOE_BF16, prepare_loss, train_loss},
    {"layer_norm", "forward 2048 x 412", SIGMOE_F32, prepare_norm, normalize},
    {"layer_norm", "backward 2048 x 412", SIGMOE_F32, prepare_norm_backward, normalize_backward},
    {"top_k", "4 of 16, 2048 rows", SIGMOE_F32, prepare_routing, find_experts},
    {"top_k", "512th of 2053, 2048 rows", SIGMOE_F32, prepare_threshold, find_threshold},
    {"product_key", "32 of 62 x 62, 2048 rows", SIGMOE_F32, prepare_keys, find_keys},
    {"weighted_rows", "forward 4 x 32 of 3844, 2048 tokens", SIGMOE_F32, prepare_values, sum_values},
    {"weighted_rows", "backward 4 x 32 of 3844, 2048 tokens", SIGMOE_F32, prepare_values_backward,
        sum_values_backward},
    {"weighted_rows_bf16", "forward 4 x 32 of 3844, 2048 tokens", SIGMOE_BF16, prepare_values, sum_values},
    {"weighted_rows_bf16", "backward 4 x 32 of 3844, 2048 tokens", SIGMOE_BF16, prepare_values_backward,
        sum_values_backward},
    {"sparse_gemm", "down, 512 of 2053, 2048 x 412", SIGMOE_F32, prepare_sparse_down, multiply_sparse},
    {"sparse_gemm", "gradient, 512 of 2053, 2048 x 412", SIGMOE_F32, prepare_sparse_gradient,
        multiply_sparse},
    {"sparse_gemm", "down, bf16", SIGMOE_BF16, prepare_sparse_down, multiply_sparse},
    {"sparse_gemm", "gradient, bf16", SIGMOE_BF16, prepare_sparse_gradient, multiply_sparse},
    {"pointwise", "bias and ReLU 2048 x 2053", SIGMOE_F32, prepare_activation, activate},
    {"pointwise", "add 2048 x 412", SIGMOE_F32, prepare_sum, add_up},
    {"pointwise", "dropout 2048 x 412", SIGMOE_F32, prepare_stream, drop_out},
    {"pointwise", "softmax 2048 x 412", SIGMOE_F32, prepare_stream, take_softmax},
    {"adam", "update 3296000", SIGMOE_F32, prepare_adam, update},
    {"adam", "squares 3296000", SIGMOE_F32, prepare_norm_of_gradient, sum_gradient},
};

const kernel_case *kernel_case_at(int index) {
    return index < 0 || index >= (int)(sizeof cases / sizeof *cases) ? NULL : &cases[index];
}
