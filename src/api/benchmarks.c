// Chapter 10: benchmarks.
#include "api/request.h"
#include "base/cpu.h"
#include "bench/attention.h"
#include "bench/cost_curves.h"
#include "bench/generate.h"
#include "bench/kernel.h"
#include "bench/layer.h"
#include "bench/step.h"

void sigmoe_bench_layer_defaults_sized(sigmoe_bench_layer_request *request, size_t size) {
    const sigmoe_bench_layer_request own = {
        .d_model = 412, .experts = 16, .expert_size = 128, .k = 4, .tokens = 4096, .repetitions = 10};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result) {
    sigmoe_bench_layer_request own;
    TRY(REQUEST_READ(own, request, "bench_layer"));
    TRY(cpu_init());
    return bench_layer(&own, result);
}

void sigmoe_bench_figure_defaults_sized(sigmoe_bench_figure_request *request, size_t size) {
    const sigmoe_bench_figure_request own = {.tokens = 32768, .repetitions = 3, .figures = true};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_bench_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table) {
    *table = NULL;
    sigmoe_bench_figure_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "bench_figure"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return cost_figure(&own, observer, table);
}

bool sigmoe_cost_figure_at(int index, sigmoe_cost_figure *figure) {
    const cost_curve *c = cost_curve_at(index);
    if (c) *figure = (sigmoe_cost_figure){c->name, c->summary};
    return c != NULL;
}

void sigmoe_bench_step_defaults_sized(sigmoe_bench_step_request *request, size_t size) {
    const sigmoe_bench_step_request own = {.batch = 8, .steps = 3};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_bench_step(const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result) {
    sigmoe_bench_step_request own;
    TRY(REQUEST_READ(own, request, "bench_step"));
    TRY(cpu_init());
    return bench_step(&own, result);
}

void sigmoe_bench_generate_defaults_sized(sigmoe_bench_generate_request *request, size_t size) {
    const sigmoe_bench_generate_request own = {.context = 256, .tokens = 50};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_bench_generate(
    const sigmoe_bench_generate_request *request, sigmoe_bench_generate_result *result) {
    sigmoe_bench_generate_request own;
    TRY(REQUEST_READ(own, request, "bench_generate"));
    TRY(cpu_init());
    return bench_generate(&own, result);
}

void sigmoe_bench_attention_defaults_sized(sigmoe_bench_attention_request *request, size_t size) {
    sized_fill(request, size, &wt_s_attention, sizeof wt_s_attention);
}

sigmoe_status sigmoe_bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result) {
    sigmoe_bench_attention_request own;
    TRY(REQUEST_READ(own, request, "bench_attention"));
    TRY(cpu_init());
    return bench_attention(&own, result);
}

void sigmoe_bench_kernel_defaults_sized(sigmoe_bench_kernel_request *request, size_t size) {
    const sigmoe_bench_kernel_request own = {.repetitions = 10};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine) {
    sigmoe_bench_kernel_request own;
    TRY(REQUEST_READ(own, request, "bench_kernel"));
    TRY(cpu_init());
    return bench_kernel(&own, visit, context, machine);
}
