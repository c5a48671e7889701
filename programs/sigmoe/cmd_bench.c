#include "bench_output.h"
#include "columns.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct layer_values {
    sigmoe_bench_layer_request request;
    bench_options options;
} layer_values;

#define LAYER(member) offsetof(layer_values, member)

static const argument layer_arguments[] = {
    {"d-model", ARGUMENT_INTEGER, LAYER(request.d_model), "D", .low = 1, .high = 1 << 16,
        .help = "model width"},
    {"experts", ARGUMENT_INTEGER, LAYER(request.experts), "N", .low = 1, .high = 1 << 16, .help = "experts"},
    {"expert-size", ARGUMENT_INTEGER, LAYER(request.expert_size), "G", .low = 1, .high = 1 << 20,
        .help = "channels of an expert"},
    {"k", ARGUMENT_INTEGER, LAYER(request.k), "K", .low = 1, .high = 1 << 16,
        .help = "experts for each token"},
    {"tokens", ARGUMENT_INTEGER, LAYER(request.tokens), "T", .low = 1, .high = 1 << 24,
        .help = "tokens in the batch"},
    {"repetitions", ARGUMENT_INT, LAYER(request.repetitions), "N", .low = 1, .high = 10000,
        .help = "runs to take the median of, after a warm-up"},
    {"trace", ARGUMENT_TEXT, LAYER(request.trace), "FILE",
        .help = "write what each thread did when, as chrome://tracing and Perfetto read it"},
};

static void layer_defaults(void *values) {
    layer_values *v = values;
    sigmoe_bench_layer_defaults(&v->request);
}

static int run_layer(const parsed_arguments *given, void *values) {
    (void)given;
    layer_values *v = values;
    sigmoe_bench_layer_result r;
    bench_begin(&v->options);
    v->request.threads = v->options.threads;
    v->request.dtype = v->options.dtype;
    int status = report(sigmoe_bench_layer(&v->request, &r));
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"forward_ms", r.forward_ms, "σ-MoE forward", FIGURE_MS},
        {"backward_ms", r.backward_ms, "σ-MoE backward", FIGURE_MS},
        {"total_ms", r.total_ms, "σ-MoE both", FIGURE_MS},
        {"gflops", r.gflops, "σ-MoE, the experts' work", FIGURE_GFLOPS},
        {"dense_total_ms", r.dense_total_ms, "dense both", FIGURE_MS},
        {"dense_gflops", r.dense_gflops, "dense", FIGURE_GFLOPS},
        {"ratio_to_dense", r.ratio_to_dense, "σ-MoE's time of the dense one's", FIGURE_PERCENT},
        {"peak_gflops", r.peak_gflops, "the processor's multiply-add peak", FIGURE_GFLOPS},
        {"fraction_of_peak", r.fraction_of_peak, "σ-MoE's share of it", FIGURE_PERCENT},
        {"peak_bytes", r.peak_bytes, "σ-MoE's activations and scratch", FIGURE_MB},
    };
    char title[160];
    const sigmoe_bench_layer_request *q = &v->request;
    snprintf(title, sizeof title,
        "%" PRId64 " token%s of width %" PRId64 ", %" PRId64 " of %" PRId64 " expert%s of %" PRId64
        " channel%s",
        q->tokens, plural(q->tokens), q->d_model, q->k, q->experts, plural(q->experts), q->expert_size,
        plural(q->expert_size));
    print_figures(v->options.json, title, figures, COUNT(figures), r.isa);
    return EXIT_FINE;
}

static const help_entry layer_examples[] = {
    {"bench layer --d-model 256 --tokens 1024", "A smaller layer and batch:"},
    {NULL, NULL},
};

const command command_bench_layer = {
    .name = "bench layer",
    .summary = "time one σ-MoE layer against the dense layer of the same size",
    .usage = "",
    .details = "Time includes routing, gflops are the experts' alone; the dense layer has N·G channels, and "
               "the ratio is not "
               "divided by K/N.",
    .examples = layer_examples,
    .groups = {{layer_arguments, ARGUMENT_COUNT(layer_arguments), 0},
        {bench_arguments, BENCH_ARGUMENTS, LAYER(options)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(layer_values),
    .defaults = layer_defaults,
    .run = run_layer,
};

enum { MOST_PARTS = 64 };

typedef struct step_values {
    config_source source;
    bool breakdown;
    sigmoe_bench_part parts[MOST_PARTS]; // of the breakdown
    int part_count;
    sigmoe_bench_step_request request;
    bench_options options;
} step_values;

#define STEP(member) offsetof(step_values, member)

static const argument step_arguments[] = {
    {"batch", ARGUMENT_INTEGER, STEP(request.batch), "B", .low = 1, .high = 1 << 20,
        .help = "sequences in a step"},
    {"steps", ARGUMENT_INTEGER, STEP(request.steps), "N", .low = 1, .high = 1 << 20,
        .help = "steps to time, after a warm-up"},
    {"recompute", ARGUMENT_CHOICE, STEP(request.recompute), "WHAT", .choices = recompute_names,
        .help = "what is computed twice instead of being kept, as in `sigmoe train`"},
    {"breakdown", ARGUMENT_FLAG, STEP(breakdown), .help = "show what the time of a step goes to"},
};

static void step_defaults(void *values) {
    step_values *v = values;
    sigmoe_bench_step_defaults(&v->request);
}

static void keep_part(void *values, const sigmoe_bench_part *part) {
    step_values *v = values;
    if (v->part_count < MOST_PARTS) v->parts[v->part_count++] = *part;
}

static void emit_parts(json_output *j, const step_values *v) {
    emit_open(j, "breakdown", '[');
    for (int i = 0; i < v->part_count; i++) {
        emit_open(j, NULL, '{');
        emit_string(j, "part", v->parts[i].name);
        emit_number(j, "ms", v->parts[i].ms);
        emit_number(j, "share", v->parts[i].share);
        emit_number(j, "busy", v->parts[i].busy);
        emit_close(j, '}');
    }
    emit_close(j, ']');
}

static void print_parts(const step_values *v) {
    enum { CELLS = 4 };
    column parts[CELLS] = {{"part", .width = 36}, {"ms", .width = 9, .right = true},
        {"share", .width = 7, .right = true}, {"threads busy", .right = true, .goes = 1}};
    columns table = {.columns = parts, .count = CELLS};
    columns_begin(&table);
    for (int i = 0; i < v->part_count; i++) {
        const sigmoe_bench_part *p = &v->parts[i];
        char ms[32], share[32], busy[32];
        snprintf(ms, sizeof ms, "%.2f", p->ms);
        snprintf(share, sizeof share, "%.1f %%", 100 * p->share);
        snprintf(busy, sizeof busy, "%.0f %%", 100 * p->busy);
        columns_print(&table, (const char *const[CELLS]){p->name, ms, share, busy});
    }
}

static void print_step(
    const step_values *v, const char *title, const figure *figures, int count, const char *isa) {
    if (!v->breakdown) {
        print_figures(v->options.json, title, figures, count, isa);
        return;
    }
    if (!v->options.json) {
        print_figures(false, title, figures, count, isa);
        printf("\n");
        print_parts(v);
        return;
    }
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_figures(&j, figures, count);
    emit_string(&j, "isa", isa);
    emit_parts(&j, v);
    emit_close(&j, '}');
}

static int run_step(const parsed_arguments *given, void *values) {
    (void)given;
    step_values *v = values;
    if (!v->source.preset == !v->source.config)
        return complain(EXIT_USAGE, "bench step needs either --preset NAME or --config FILE");
    sigmoe_config *config;
    int status = config_build(&v->source, &config);
    if (status != EXIT_FINE) return status;
    sigmoe_bench_step_result r;
    bench_begin(&v->options);
    v->request.config = config;
    v->request.threads = v->options.threads;
    v->request.dtype = v->options.dtype;
    if (v->breakdown) v->request.visit_part = keep_part;
    v->request.context = v;
    status = report(sigmoe_bench_step(&v->request, &r));
    sigmoe_config_free(config);
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"tokens_per_s", r.tokens_per_s, "tokens a second", .unit = "", .digits = 1, .scale = 1},
        {"model_flops_per_token", r.model_flops_per_token, "work for a token", .unit = "MF", .digits = 1,
            .scale = 1e-6},
        {"fraction_of_peak", r.fraction_of_peak, "share of the multiply-add peak", FIGURE_PERCENT},
        {"peak_rss_bytes", r.peak_rss_bytes, "largest resident set", FIGURE_MB},
    };
    char title[160];
    snprintf(title, sizeof title, "training steps of %.64s, batch %" PRId64,
        v->source.preset ? v->source.preset : v->source.config, v->request.batch);
    print_step(v, title, figures, COUNT(figures), r.isa);
    return EXIT_FINE;
}

static const help_entry step_examples[] = {
    {"bench step --preset demo --batch 32", "Speed and memory of training the demo's model:"},
    {"bench step --preset wt-s-moe --breakdown", "What the time of a step goes to:"},
    {NULL, NULL},
};

const command command_bench_step = {
    .name = "bench step",
    .summary = "time whole training steps of a model",
    .usage = "(--preset NAME | --config FILE)",
    .examples = step_examples,
    .groups = {{config_arguments, CONFIG_ARGUMENTS, STEP(source)},
        {step_arguments, ARGUMENT_COUNT(step_arguments), 0},
        {bench_arguments, BENCH_ARGUMENTS, STEP(options)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(step_values),
    .defaults = step_defaults,
    .run = run_step,
};
