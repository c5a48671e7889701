#include "bench/cost_curves.h"

#include "base/memory_limit.h"
#include "base/progress.h"
#include "bench/cost_curves_figure.h"
#include "bench/cost_json.h"
#include "bench/layer.h"
#include "kernels/peak/bandwidth.h"
#include "kernels/peak/peak.h"
#include "model/workspace.h"
#include "plot/gnuplot.h"
#include "system/output_directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Sizes and points are those of the benchmark in the paper's public code (paper/benchmark.py), which varies d, N_E and G around
// 32 experts of 128 channels at d = 512. The points of K, and figure8's 16 experts (as in WT-S and E8), are ours.
static const cost_curve curves[] = {
    {"figure2", "against d, with 32 experts of 128 channels, 4 for each token", "d (model width)",
        offsetof(layer_sizes, d_model), {0, 32, 128, 4}, 5, {128, 256, 512, 1024, 2048}},
    {"figure8", "against d, with 16 experts of 128 channels, 4 for each token", "d (model width)",
        offsetof(layer_sizes, d_model), {0, 16, 128, 4}, 5, {128, 256, 512, 1024, 2048}},
    {"figure9", "against N_E, with d = 512, experts of 128 channels, 4 for each token", "N_E (experts)",
        offsetof(layer_sizes, experts), {512, 0, 128, 4}, 6, {8, 16, 32, 64, 128, 256}},
    {"figure10", "against G, with d = 512, 32 experts, 4 for each token", "G (channels of an expert)",
        offsetof(layer_sizes, expert_size), {512, 32, 0, 4}, 5, {64, 128, 256, 512, 1024}},
    {"figure11", "against K, with d = 512, 32 experts of 128 channels", "K (experts for each token)",
        offsetof(layer_sizes, k), {512, 32, 128, 0}, 6, {1, 2, 4, 8, 16, 32}},
};

const cost_curve *cost_curve_at(int index) {
    return index < 0 || index >= (int)(sizeof curves / sizeof *curves) ? NULL : &curves[index];
}

// ---------------------------------------------------------------- one point

static layer_sizes sizes_at(const cost_curve *c, int point) {
    layer_sizes sizes = c->base;
    memcpy((char *)&sizes + c->varies, &c->values[point], sizeof c->values[point]);
    return sizes;
}

// A lower bound in milliseconds, by arithmetic or memory traffic: `channels` computed for each token, `extra` multiply-adds per
// token (the router), `weights` parameters. Each of the following must move once: weights in both passes, and their gradients;
// the channels out and in; x twice, y, dy, dx.
static double roofline(const cost_measurement *m, double d, double channels, double extra, double weights) {
    double tokens = (double)m->tokens;
    double operations = 2 * 3 * tokens * (2 * d * channels + extra);
    double bytes = (double)sizeof(float) * (3 * weights + tokens * (5 * d + 2 * channels));
    return 1e3 * fmax(operations / (m->peak_gflops * 1e9), bytes / (m->bandwidth * 1e9));
}

// Memory in addition to what the passes allocate: the weights and their gradients, x, y, dy and dx.
static double standing_bytes(const cost_measurement *m, double d, double weights) {
    return (double)sizeof(float) * (2 * weights + 4 * (double)m->tokens * d);
}

// Parameters of the two layers.
static double moe_weights(const layer_sizes *s, double experts) {
    return 2 * (double)s->d_model * experts * (double)s->expert_size + (double)(s->experts * s->d_model);
}
static double dense_weights(const layer_sizes *s) {
    double d = (double)s->d_model, channels = (double)(s->experts * s->expert_size);
    return 2 * d * channels + channels + d;
}

static sigmoe_status measure_point(cost_measurement *m, int repetitions, cost_point *p) {
    const layer_sizes *s = &p->sizes;
    double d = (double)s->d_model;
    sigmoe_bench_layer_request r = {.d_model = s->d_model,
        .experts = s->experts,
        .expert_size = s->expert_size,
        .k = s->k,
        .tokens = m->tokens,
        .threads = m->threads,
        .repetitions = repetitions};
    sigmoe_bench_layer_result b;
    TRY(bench_layer(&r, &b));
    p->moe = (layer_cost){.milliseconds = b.total_ms,
        .bytes = b.peak_bytes + standing_bytes(m, d, moe_weights(s, (double)s->experts)),
        .gflops = b.gflops};
    p->dense = (layer_cost){.milliseconds = b.dense_total_ms,
        .bytes = b.dense_peak_bytes + standing_bytes(m, d, dense_weights(s)),
        .gflops = b.dense_gflops};
    m->peak_gflops = fmax(m->peak_gflops, b.peak_gflops);
    m->isa = b.isa;
    return SIGMOE_OK;
}

// Called after the last measurement: until then, a layer may show that the peak is higher.
static void add_rooflines(const cost_measurement *m, cost_point *p) {
    const layer_sizes *s = &p->sizes;
    double d = (double)s->d_model, experts = (double)s->experts;
    // Experts without a token need not move: the expected number with uniform routing.
    double used = experts * (1 - pow(1 - (double)s->k / experts, (double)m->tokens));
    p->moe.roofline = roofline(m, d, (double)(s->k * s->expert_size), experts * d, moe_weights(s, used));
    p->dense.roofline = roofline(m, d, experts * (double)s->expert_size, 0, dense_weights(s));
}

// ---------------------------------------------------------------- all points

static sigmoe_status measure_machine(cost_measurement *m, int thread_count) {
    workspace w;
    TRY(workspace_open(thread_count, &w));
    m->threads = threads_count(w.kernel.threads);
    m->peak_gflops = peak_gflops(w.kernel.threads, TYPE_REAL);
    sigmoe_status status = peak_bandwidth(&w.kernel, &m->bandwidth);
    workspace_close(&w);
    return status;
}

static sigmoe_status measure(
    const sigmoe_bench_figure_request *r, const sigmoe_observer *observer, cost_measurement *m) {
    progress_meter meter;
    double work[MOST_POINTS], all = 0, done = 0;
    for (int i = 0; i < m->curve->points; i++) {
        layer_sizes s = m->point[i].sizes = sizes_at(m->curve, i);
        work[i] = 1e-9 * 2 * 3 * 2 * (double)s.d_model * (double)s.expert_size * (double)(s.experts + s.k) *
                  (double)m->tokens * (r->repetitions + 1);
        all += work[i];
    }
    progress_begin(&meter, observer, m->curve->name, "GFLOP", 0, all);
    TRY(measure_machine(m, observer ? observer->threads : 0));
    for (int i = 0; i < m->curve->points; i++) {
        TRY(progress_at(&meter, done));
        TRY(measure_point(m, r->repetitions, &m->point[i]));
        done += work[i];
    }
    for (int i = 0; i < m->curve->points; i++) add_rooflines(m, &m->point[i]);
    TRY(progress_at(&meter, done));
    progress_end(&meter);
    return SIGMOE_OK;
}

static sigmoe_status write_figures(
    const char *directory, const cost_measurement *m, bool figures, const sigmoe_observer *observer) {
    arena *a;
    TRY(arena_create("figures", &a));
    sigmoe_status status = cost_write(a, m, directory, figures, observer);
    arena_destroy(a);
    return status;
}

static sigmoe_status fill_directory(const sigmoe_bench_figure_request *r, const char *out,
    const sigmoe_observer *observer, cost_measurement *m) {
    output_directory directory;
    bool figures = plot_ready(r->figures, observer);
    TRY(output_begin(&directory, out, OUTPUT_FIGURES, r->force));
    sigmoe_status status = measure(r, observer, m);
    if (status == SIGMOE_OK) status = write_figures(directory.partial, m, figures, observer);
    return output_end(&directory, status);
}

// Checks, before spending minutes on the smaller points, that the last dense layer fits, with its channels and their gradients.
static sigmoe_status check_memory(const cost_curve *curve, int64_t tokens) {
    cost_measurement m = {.tokens = tokens};
    layer_sizes s = sizes_at(curve, curve->points - 1);
    double d = (double)s.d_model, channels = (double)(s.experts * s.expert_size);
    double needed =
        standing_bytes(&m, d, 2 * d * channels) + 2 * (double)sizeof(float) * (double)tokens * channels;
    char what[96];
    snprintf(what, sizeof what, "%s's largest layer at %" PRId64 " tokens", curve->name, tokens);
    return memory_check(&(memory_need){needed, what, "a figure of fewer `tokens`"});
}

static sigmoe_status check_request(const sigmoe_bench_figure_request *r, const cost_curve **curve) {
    if (!r->figure || !r->out) return fail(SIGMOE_BAD_ARGUMENT, "a figure and a place for it are needed");
    if (r->tokens < 1 || r->tokens > INT32_MAX || r->repetitions < 1)
        return fail(
            SIGMOE_BAD_ARGUMENT, "tokens and repetitions must be 1 or more, tokens at most %d", INT32_MAX);
    int i = 0;
    while ((*curve = cost_curve_at(i)) && strcmp((*curve)->name, r->figure) != 0) i++;
    if (!*curve) return fail(SIGMOE_BAD_ARGUMENT, "there is no figure \"%.40s\"", r->figure);
    TRY(check_memory(*curve, r->tokens));
    return SIGMOE_OK;
}

sigmoe_status cost_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table) {
    char out[PATH_CAPACITY];
    cost_measurement m = {.tokens = request->tokens};
    TRY(check_request(request, &m.curve));
    TRY(path_of_output(out, request->out));
    TRY(fill_directory(request, out, observer, &m));
    return request->json ? cost_json(&m, out, table) : cost_table(&m, request->columns, table);
}
