// Chapter 8: benchmarks.
#include "bench/attention.h"
#include "bench/cost_curves.h"
#include "bench/kernel.h"
#include "bench/layer.h"
#include "bench/step.h"

void sigmoe_bench_layer_defaults(sigmoe_bench_layer_request *request) {
    *request = (sigmoe_bench_layer_request){
        .d_model = 412, .experts = 16, .expert_size = 128, .k = 4, .tokens = 4096, .repetitions = 10};
}

sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result) {
    return bench_layer(request, result);
}

void sigmoe_bench_figure_defaults(sigmoe_bench_figure_request *request) {
    *request = (sigmoe_bench_figure_request){.tokens = 32768, .repetitions = 3};
}

sigmoe_status sigmoe_bench_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, const char **table) {
    return cost_figure(request, observer, table);
}

bool sigmoe_cost_figure_at(int index, sigmoe_cost_figure *figure) {
    const cost_curve *c = cost_curve_at(index);
    if (c) *figure = (sigmoe_cost_figure){c->name, c->summary};
    return c != NULL;
}

void sigmoe_bench_step_defaults(sigmoe_bench_step_request *request) {
    *request = (sigmoe_bench_step_request){.batch = 8, .steps = 3};
}

sigmoe_status sigmoe_bench_step(const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result) {
    return bench_step(request, result);
}

void sigmoe_bench_attention_defaults(sigmoe_bench_attention_request *request) {
    *request = (sigmoe_bench_attention_request){
        .batch = 8, .queries = 256, .memory = 256, .heads = 10, .head_width = 41, .repetitions = 10};
}

sigmoe_status sigmoe_bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result) {
    return bench_attention(request, result);
}

void sigmoe_bench_kernel_defaults(sigmoe_bench_kernel_request *request) {
    *request = (sigmoe_bench_kernel_request){.repetitions = 10};
}

sigmoe_status sigmoe_bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine) {
    return bench_kernel(request, visit, context, machine);
}
