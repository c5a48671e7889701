#include "bench_output.h"

#include "columns.h"
#include "json_output.h"
#include "layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct attention_values {
    sigmoe_bench_attention_request request;
    bench_options options;
} attention_values;

#define ATTENTION(member) offsetof(attention_values, member)

static const argument attention_arguments[] = {
    {"batch", ARGUMENT_INTEGER, ATTENTION(request.batch), "B", .low = 1, .high = 1 << 20,
        .help = "sequences"},
    {"queries", ARGUMENT_INTEGER, ATTENTION(request.queries), "Q", .low = 1, .high = 1 << 20,
        .help = "tokens of a segment"},
    {"memory", ARGUMENT_INTEGER, ATTENTION(request.memory), "M", .low = 0, .high = 1 << 20,
        .help = "rows of memory before them"},
    {"heads", ARGUMENT_INTEGER, ATTENTION(request.heads), "H", .low = 1, .high = 1 << 16, .help = "heads"},
    {"head-width", ARGUMENT_INTEGER, ATTENTION(request.head_width), "W", .low = 1, .high = 1 << 16,
        .help = "width of a head"},
    {"repetitions", ARGUMENT_INT, ATTENTION(request.repetitions), "N", .low = 1, .high = 10000,
        .help = "runs to take the median of, after a warm-up"},
};

static void attention_defaults(void *values) {
    attention_values *v = values;
    sigmoe_bench_attention_defaults(&v->request);
}

static int run_attention(const parsed_arguments *given, void *values) {
    (void)given;
    attention_values *v = values;
    sigmoe_bench_attention_result r;
    bench_begin(&v->options);
    v->request.threads = v->options.threads;
    v->request.dtype = v->options.dtype;
    int status = report(sigmoe_bench_attention(&v->request, &r));
    if (status != EXIT_FINE) return status;
    const figure figures[] = {
        {"forward_ms", r.forward_ms, "forward", FIGURE_MS},
        {"backward_ms", r.backward_ms, "backward", FIGURE_MS},
        {"total_ms", r.total_ms, "both", FIGURE_MS},
        {"forward_flops", r.forward_flops, "work forward", .unit = "GF", .digits = 3, .scale = 1e-9},
        {"total_flops", r.total_flops, "work of both", .unit = "GF", .digits = 3, .scale = 1e-9},
        {"forward_gflops", r.forward_gflops, "forward", FIGURE_GFLOPS},
        {"gflops", r.gflops, "both", FIGURE_GFLOPS},
        {"peak_gflops", r.peak_gflops, "the processor's multiply-add peak", FIGURE_GFLOPS},
        {"forward_fraction_of_peak", r.forward_fraction_of_peak, "forward's share of it", FIGURE_PERCENT},
        {"fraction_of_peak", r.fraction_of_peak, "share of both", FIGURE_PERCENT},
    };
    char title[160];
    const sigmoe_bench_attention_request *q = &v->request;
    snprintf(title, sizeof title,
        "attention: %" PRId64 " sequence%s of %" PRId64 " on %" PRId64 " keys, %" PRId64
        " head%s of %" PRId64,
        q->batch, plural(q->batch), q->queries, q->memory + q->queries, q->heads, plural(q->heads),
        q->head_width);
    print_figures(v->options.json, title, figures, COUNT(figures), r.isa);
    return EXIT_FINE;
}

static const help_entry attention_examples[] = {
    {"bench attention --queries 128 --memory 128", "Half as long segments:"},
    {NULL, NULL},
};

const command command_bench_attention = {
    .name = "bench attention",
    .summary = "time the relative attention kernel",
    .usage = "",
    .details = "Work is what the causal mask lets through: of B·H·Q·(M + (Q + 1)/2) pairs of query and key, "
               "each takes 6·W operations forward (content, position, values) and 12·W backward; what the "
               "backward computes again is not counted.",
    .examples = attention_examples,
    .groups = {{attention_arguments, ARGUMENT_COUNT(attention_arguments), 0},
        {bench_arguments, BENCH_ARGUMENTS, ATTENTION(options)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(attention_values),
    .defaults = attention_defaults,
    .run = run_attention,
};

typedef struct kernel_values {
    sigmoe_bench_kernel_request request;
    bench_options options;
} kernel_values;

#define KERNEL(member) offsetof(kernel_values, member)

static const argument kernel_arguments[] = {
    {"repetitions", ARGUMENT_INT, KERNEL(request.repetitions), "N", .low = 1, .high = 10000,
        .help = "runs to take the median of, after a warm-up; fewer where they are slow"},
};

static void kernel_defaults(void *values) {
    kernel_values *v = values;
    sigmoe_bench_kernel_defaults(&v->request);
}

enum { KERNEL_CELLS = 7 };

// Prints rows as they are measured.
typedef struct kernel_printer {
    bool json;
    json_output output;
    columns table;
    column parts[KERNEL_CELLS];
} kernel_printer;

// The cells are not known when the heading is printed, only how wide they can become.
static const column kernel_columns[KERNEL_CELLS] = {{"operation", .width = 23}, {"shape", .width = 36},
    {"by", .width = 8}, {"ms", .width = 9, .right = true}, {"GF/s", .width = 8, .right = true, .goes = 2},
    {"GB/s", .width = 7, .right = true, .goes = 1}, {"share of the bound", .width = 25}};

static void print_heading(kernel_printer *p) {
    if (p->json) {
        emit_open(&p->output, NULL, '{');
        emit_open(&p->output, "rows", '[');
    } else {
        memcpy(p->parts, kernel_columns, sizeof p->parts);
        p->table = (columns){.columns = p->parts, .count = KERNEL_CELLS};
        columns_begin(&p->table);
    }
}

static void print_cells(const columns *table, const sigmoe_bench_kernel_row *row) {
    char ms[32], gflops[32] = "-", gigabytes[32], share[64];
    snprintf(ms, sizeof ms, "%.3f", row->ms);
    if (row->gflops > 0) snprintf(gflops, sizeof gflops, "%.1f", row->gflops);
    snprintf(gigabytes, sizeof gigabytes, "%.1f", row->gigabytes_per_s);
    snprintf(share, sizeof share, "%5.1f %% of %s%s", 100 * row->fraction_of_bound, row->bound,
        row->chosen ? ", chosen" : "");
    const char *const cells[KERNEL_CELLS] = {
        row->operation, row->shape, row->implementation, ms, gflops, gigabytes, share};
    columns_print(table, cells);
    fflush(stdout);
}

static void print_row(void *context, const sigmoe_bench_kernel_row *row) {
    kernel_printer *p = context;
    if (!p->json) {
        print_cells(&p->table, row);
        return;
    }
    json_output *j = &p->output;
    emit_open(j, NULL, '{');
    emit_string(j, "operation", row->operation);
    emit_string(j, "shape", row->shape);
    emit_string(j, "implementation", row->implementation);
    emit_verbatim(j, "chosen", row->chosen ? "true" : "false");
    emit_number(j, "ms", row->ms);
    emit_number(j, "gflops", row->gflops);
    emit_number(j, "gigabytes_per_s", row->gigabytes_per_s);
    emit_string(j, "bound", row->bound);
    emit_number(j, "fraction_of_bound", row->fraction_of_bound);
    emit_close(j, '}');
}

static void print_machine(kernel_printer *p, const sigmoe_bench_machine *machine) {
    if (!p->json) {
        char line[256];
        snprintf(line, sizeof line,
            "bounds measured at level %s: fma %.1f GF/s, of bf16 %.1f GF/s, memory %.1f GB/s\n", machine->isa,
            machine->peak_gflops, machine->bf16_peak_gflops, machine->gigabytes_per_s);
        print_fitted(line);
        return;
    }
    json_output *j = &p->output;
    emit_close(j, ']');
    emit_number(j, "peak_gflops", machine->peak_gflops);
    emit_number(j, "bf16_peak_gflops", machine->bf16_peak_gflops);
    emit_number(j, "peak_gigabytes_per_s", machine->gigabytes_per_s);
    emit_string(j, "isa", machine->isa);
    emit_close(j, '}');
}

static bool operation_known(const char *name) {
    const char *operation, *implementation;
    for (int i = 0; sigmoe_cpu_kernel(i, &operation, &implementation); i++)
        if (strcmp(operation, name) == 0) return true;
    return false;
}

static int run_kernel(const parsed_arguments *given, void *values) {
    kernel_values *v = values;
    kernel_printer printer = {.json = v->options.json};
    sigmoe_bench_machine machine;
    v->request.threads = v->options.threads;
    if (given->positional_count) v->request.operation = given->positionals[0];
    if (v->request.operation && !operation_known(v->request.operation))
        return complain(
            EXIT_USAGE, "there is no operation `%s`: `sigmoe info --cpu` lists them", v->request.operation);
    bench_begin(&v->options);
    print_heading(&printer);
    int status = report(sigmoe_bench_kernel(&v->request, print_row, &printer, &machine));
    if (status == EXIT_FINE) print_machine(&printer, &machine);
    return status;
}

static const help_entry kernel_examples[] = {
    {"bench kernel expert_ffn", "One operation's implementations:"},
    {NULL, NULL},
};

const command command_bench_kernel = {
    .name = "bench kernel",
    .summary = "time every implementation of the kernels on shapes of the WT-S models",
    .usage = "[OPERATION]",
    .details = "Every run begins with cold caches. The bound is the arithmetic or the memory, whichever "
               "would take longer "
               "at the machine's measured best. SIGMOE_CPU=LEVEL in the environment narrows the level.",
    .examples = kernel_examples,
    .groups = {{kernel_arguments, ARGUMENT_COUNT(kernel_arguments), 0},
        {bench_arguments, BENCH_ARGUMENTS_OF_BOTH_TYPES, KERNEL(options)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .positionals = 1,
    .words = {&known_kernel_operations},
    .values_size = sizeof(kernel_values),
    .defaults = kernel_defaults,
    .run = run_kernel,
};
