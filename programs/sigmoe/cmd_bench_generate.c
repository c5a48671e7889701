#include "bench_output.h"

#include "json_output.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct generate_values {
    config_source source;
    sigmoe_bench_generate_request request;
    bench_options options;
} generate_values;

#define AT(member) offsetof(generate_values, member)

static const argument arguments[] = {
    {"context", ARGUMENT_INTEGER, AT(request.context), "N", .low = 1, .high = 1 << 24,
        .help = "rows that a token sees"},
    {"tokens", ARGUMENT_INTEGER, AT(request.tokens), "N", .low = 1, .high = 1 << 20,
        .help = "tokens to take the median of, after a warm-up"},
    {"dtype", ARGUMENT_CHOICE, AT(options.dtype), "TYPE", .choices = generation_dtype_names,
        .help = "how operands of matrix products are stored; int8: large weights in 8 bits, the rest f32"},
};

static void defaults(void *values) {
    sigmoe_bench_generate_defaults(&((generate_values *)values)->request);
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    generate_values *v = values;
    if (!v->source.preset == !v->source.config)
        return complain(EXIT_USAGE, "bench generate needs either --preset NAME or --config FILE");
    sigmoe_config *config;
    int status = config_build(&v->source, &config);
    if (status != EXIT_FINE) return status;
    sigmoe_bench_generate_result r;
    bench_begin(&v->options);
    v->request.config = config;
    v->request.threads = v->options.threads;
    v->request.dtype = v->options.dtype;
    status = report(sigmoe_bench_generate(&v->request, &r));
    sigmoe_config_free(config);
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"tokens_per_s", r.tokens_per_s, "tokens a second", .unit = "", .digits = 1, .scale = 1},
        {"bytes_per_token", r.bytes_per_token, "read for a token", FIGURE_MB},
        {"gigabytes_per_s", r.gigabytes_per_s, "read in a second", .unit = "GB", .digits = 1, .scale = 1},
        {"fraction_of_bandwidth", r.fraction_of_bandwidth, "share of the memory's bandwidth", FIGURE_PERCENT},
    };
    char title[160];
    snprintf(title, sizeof title, "a token of %.64s after %" PRId64 " others, %s",
        v->source.preset ? v->source.preset : v->source.config, v->request.context - 1,
        generation_dtype_names[v->request.dtype]);
    print_typed_figures(
        v->options.json, title, figures, COUNT(figures), generation_dtype_names[v->request.dtype], r.isa);
    return EXIT_FINE;
}

static const help_entry examples[] = {
    {"bench generate --preset demo --tokens 20", "Tokens a second of the demo's model:"},
    {NULL, NULL},
};

const command command_bench_generate = {
    .name = "bench generate",
    .summary = "time generating a token",
    .usage = "(--preset NAME | --config FILE)",
    .details = "One text, without drawing its tokens. Bytes are those that a token has to read: the weights "
               "that it is multiplied by, and keys, values and positions of the rows that it sees.",
    .examples = examples,
    .groups = {{config_arguments, CONFIG_ARGUMENTS, AT(source)}, {arguments, ARGUMENT_COUNT(arguments), 0},
        {bench_arguments, BENCH_ARGUMENTS_OF_BOTH_TYPES, AT(options)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(generate_values),
    .defaults = defaults,
    .run = run,
};
