#include "commands.h"

#include "json_output.h"

#include <stdio.h>

// One figure of a result: the name in JSON, and where it lies. A list of them prints either way.
typedef struct figure {
    const char *name;
    double value;
} figure;

static void print_figures(bool json, const figure *figures, int count, const char *isa) {
    if (!json) {
        for (int i = 0; i < count; i++) printf("%-22s %.6g\n", figures[i].name, figures[i].value);
        printf("%-22s %s\n", "isa", isa);
        return;
    }
    json_output j = {0};
    emit_open(&j, NULL, '{');
    for (int i = 0; i < count; i++) emit_number(&j, figures[i].name, figures[i].value);
    emit_string(&j, "isa", isa);
    emit_close(&j, '}');
}

static const char *const dtypes[] = {"f32", NULL};

typedef struct layer_values {
    sigmoe_bench_layer_request request;
    const char *dtype;
    bool json;
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
    {"dtype", ARGUMENT_TEXT, LAYER(dtype), "TYPE", .choices = dtypes, .help = "number format"},
    {"threads", ARGUMENT_INT, LAYER(request.threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use", .help = "threads to compute with"},
    {"json", ARGUMENT_FLAG, LAYER(json), .help = "print one JSON object"},
};

static void layer_defaults(void *values) {
    layer_values *v = values;
    sigmoe_bench_layer_defaults(&v->request);
    v->dtype = "f32";
}

static int run_layer(const parsed_arguments *given, void *values) {
    (void)given;
    layer_values *v = values;
    sigmoe_bench_layer_result r;
    int status = report(sigmoe_bench_layer(&v->request, &r));
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"forward_ms", r.forward_ms},
        {"backward_ms", r.backward_ms},
        {"total_ms", r.total_ms},
        {"gflops", r.gflops},
        {"dense_total_ms", r.dense_total_ms},
        {"dense_gflops", r.dense_gflops},
        {"ratio_to_dense", r.ratio_to_dense},
        {"peak_gflops", r.peak_gflops},
        {"fraction_of_peak", r.fraction_of_peak},
        {"peak_bytes", r.peak_bytes},
    };
    print_figures(v->json, figures, COUNT(figures), r.isa);
    return EXIT_FINE;
}

const command command_bench_layer = {
    .name = "bench layer",
    .summary = "time one σ-MoE layer against the dense layer of the same size",
    .usage = "",
    .details = "Time includes routing, gflops are the experts' alone; the dense layer has N·G channels, and "
               "the ratio is not\n"
               "divided by K/N.",
    .groups = {{layer_arguments, COUNT(layer_arguments), 0}},
    .values_size = sizeof(layer_values),
    .defaults = layer_defaults,
    .run = run_layer,
};

typedef struct step_values {
    config_source source;
    int64_t batch, steps;
    int threads;
    const char *dtype;
    bool json;
} step_values;

#define STEP(member) offsetof(step_values, member)

static const argument step_arguments[] = {
    {"preset", ARGUMENT_TEXT, STEP(source.preset), "NAME", .help = "a preset as `sigmoe presets` lists"},
    {"config", ARGUMENT_TEXT, STEP(source.config), "FILE", .help = "a config.json"},
    {"set", ARGUMENT_REPEATED, STEP(source.set), "KEY=VALUE",
        .help = "change the configuration, see `sigmoe help config`; may be repeated"},
    {"batch", ARGUMENT_INTEGER, STEP(batch), "B", .low = 1, .high = 1 << 20, .help = "sequences in a step"},
    {"steps", ARGUMENT_INTEGER, STEP(steps), "N", .low = 1, .high = 1 << 20,
        .help = "steps to time, after a warm-up"},
    {"dtype", ARGUMENT_TEXT, STEP(dtype), "TYPE", .choices = dtypes, .help = "number format"},
    {"threads", ARGUMENT_INT, STEP(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use", .help = "threads to compute with"},
    {"json", ARGUMENT_FLAG, STEP(json), .help = "print one JSON object"},
};

static void step_defaults(void *values) {
    step_values *v = values;
    v->batch = 8;
    v->steps = 3;
    v->dtype = "f32";
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
    status = report(sigmoe_bench_step(config, v->batch, v->steps, v->threads, &r));
    sigmoe_config_free(config);
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"tokens_per_s", r.tokens_per_s},
        {"model_flops_per_token", r.model_flops_per_token},
        {"fraction_of_peak", r.fraction_of_peak},
        {"peak_rss_bytes", r.peak_rss_bytes},
    };
    print_figures(v->json, figures, COUNT(figures), r.isa);
    return EXIT_FINE;
}

const command command_bench_step = {
    .name = "bench step",
    .summary = "time whole training steps of a model",
    .usage = "(--preset NAME | --config FILE)",
    .groups = {{step_arguments, COUNT(step_arguments), 0}},
    .values_size = sizeof(step_values),
    .defaults = step_defaults,
    .run = run_step,
};
