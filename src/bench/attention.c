// Timing of the relative attention kernel.
#include "bench/attention.h"

#include "bench/bench.h"
#include "kernels/peak/peak.h"
#include "kernels/relative_attention/relative_attention.h"

const sigmoe_bench_attention_request wt_s_attention = {
    .batch = 8, .queries = 256, .memory = 256, .heads = 10, .head_width = 41, .repetitions = 10};

double bench_attention_flops(const sigmoe_bench_attention_request *r) {
    double keys_seen = (double)r->memory + ((double)r->queries + 1) / 2;
    double pairs = (double)r->batch * (double)r->heads * (double)r->queries * keys_seen;
    return 2 * 3 * pairs * (double)r->head_width;
}

sigmoe_status bench_attention_data(
    const sigmoe_bench_attention_request *r, arena *a, attention_call *call, attention_gradients *gradients) {
    int64_t keys = r->memory + r->queries, inner = r->heads * r->head_width;
    dtype type = operand_type(r->dtype);
    matrix biases;
    *call = (attention_call){.batch = r->batch,
        .queries = r->queries,
        .memory = r->memory,
        .heads = r->heads,
        .head_width = r->head_width,
        .scale = 1 / real_sqrt((real)r->head_width)};
    TRY(bench_operand(a, r->dtype, r->batch * r->queries, inner, 0, &call->q));
    TRY(bench_operand(a, r->dtype, r->batch * keys, inner, 1, &call->k));
    TRY(bench_operand(a, r->dtype, r->batch * keys, inner, 2, &call->v));
    TRY(bench_operand(a, r->dtype, keys, inner, 3, &call->positions));
    TRY(bench_matrix(a, 2, inner, 4, &biases));
    call->content_bias = matrix_real(biases);
    call->position_bias = matrix_real(biases) + inner;
    TRY(matrix_new(a, type, call->q.rows, inner, &call->out));
    TRY(ARENA_NEW(a, call->logsumexp, r->batch * r->heads * r->queries));

    *gradients = (attention_gradients){0};
    TRY(bench_operand(a, r->dtype, call->q.rows, inner, 5, &gradients->dout));
    TRY(matrix_new(a, type, call->q.rows, inner, &gradients->dq));
    TRY(matrix_new(a, type, call->k.rows, inner, &gradients->dk));
    TRY(matrix_new(a, type, call->v.rows, inner, &gradients->dv));
    TRY(matrix_new(a, type, keys, inner, &gradients->dpositions));
    TRY(ARENA_NEW(a, gradients->dcontent_bias, inner));
    TRY(ARENA_NEW(a, gradients->dposition_bias, inner));
    return ARENA_NEW(a, gradients->dscale, 1);
}

typedef struct attention_times {
    double forward_ms, backward_ms, total_ms; // medians
} attention_times;

static sigmoe_status time_attention(
    const sigmoe_bench_attention_request *r, workspace *work, attention_times *times) {
    arena *a = work->activations;
    attention_call call;
    attention_gradients gradients;
    double *forward, *backward, *total;
    TRY(bench_attention_data(r, a, &call, &gradients));
    TRY(ARENA_NEW(a, forward, r->repetitions));
    TRY(ARENA_NEW(a, backward, r->repetitions));
    TRY(ARENA_NEW(a, total, r->repetitions));
    for (int i = -BENCH_WARM_UPS; i < r->repetitions; i++) {
        double start = seconds_now();
        TRY(attention_forward(&work->kernel, &call));
        double middle = seconds_now();
        TRY(attention_backward(&work->kernel, &call, &gradients));
        double end = seconds_now();
        if (i < 0) continue;
        forward[i] = (middle - start) * 1e3;
        backward[i] = (end - middle) * 1e3;
        total[i] = (end - start) * 1e3;
    }
    *times = (attention_times){bench_median(forward, r->repetitions), bench_median(backward, r->repetitions),
        bench_median(total, r->repetitions)};
    return SIGMOE_OK;
}

static sigmoe_status check_request(const sigmoe_bench_attention_request *r) {
    const bench_size sizes[] = {{"batch", r->batch}, {"queries", r->queries},
        {"memory + 1", r->memory + 1}, // may be 0
        {"heads", r->heads}, {"head_width", r->head_width}, {"repetitions", r->repetitions}};
    TRY(bench_check(sizes, sizeof sizes / sizeof *sizes));
    int64_t elements;
    if (!size_product(&elements, r->heads, r->head_width) ||
        !size_product(&elements, elements, r->memory + r->queries) ||
        !size_product(&elements, elements, r->batch))
        return fail(SIGMOE_BAD_ARGUMENT, "batch x (memory + queries) x heads x head_width is too large");
    return SIGMOE_OK;
}

static void report(const sigmoe_bench_attention_request *request, const attention_times *times, threads *pool,
    sigmoe_bench_attention_result *result) {
    double forward = bench_attention_flops(request), total = 3 * forward;
    double forward_gflops = forward / (times->forward_ms * 1e6), gflops = total / (times->total_ms * 1e6);
    double peak = peak_gflops_beyond(pool, operand_type(request->dtype), fmax(forward_gflops, gflops));
    *result = (sigmoe_bench_attention_result){.forward_ms = times->forward_ms,
        .backward_ms = times->backward_ms,
        .total_ms = times->total_ms,
        .forward_flops = forward,
        .total_flops = total,
        .forward_gflops = forward_gflops,
        .gflops = gflops,
        .peak_gflops = peak,
        .forward_fraction_of_peak = forward_gflops / peak,
        .fraction_of_peak = gflops / peak,
        .isa = cpu_level_name(cpu_current())};
}

sigmoe_status bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result) {
    attention_times times;
    workspace work;
    TRY(check_request(request));
    TRY(workspace_open(request->threads, &work));
    sigmoe_status status = time_attention(request, &work, &times);
    if (status == SIGMOE_OK) report(request, &times, work.kernel.threads, result);
    workspace_close(&work);
    return status;
}
