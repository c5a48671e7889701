#include "commands.h"

#include "columns.h"
#include "json_output.h"
#include "layout.h"
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>

enum { MOST_ROWS = 16, CELLS = 8, CELL = 64 };

typedef struct plan_values {
    config_source source;
    sigmoe_plan_request request;
    const char *calibrate;
    int threads;
    output_options output;
    sigmoe_plan_row rows[MOST_ROWS];
    char problems[MOST_ROWS][128];
    int row_count;
} plan_values;

#define AT(member) offsetof(plan_values, member)

static const argument arguments[] = {
    {"nodes", ARGUMENT_INTEGER, AT(request.nodes), "N", .low = 1, .high = 1 << 20,
        .help = "machines, each with one process"},
    {"cores", ARGUMENT_INT, AT(request.cores), "N", .low = 1, .high = 1 << 16, .help = "cores of each"},
    {"network", ARGUMENT_TEXT, AT(request.network), "RATE[:LATENCY]",
        .preset = "default: messages as they were measured",
        .help = "what connects them: 25gbit, 100gbit:2us, 3GB/s", .values = &none_known},
    {"memory-bandwidth", ARGUMENT_NUMBER, AT(request.memory_gb_per_s), "GB/S", .low = 1, .high = 1e6,
        .preset = "default: what the cores move, at most 460.8",
        .help = "what the memory of each moves in a second"},
    {"batch", ARGUMENT_INTEGER, AT(request.batch), "B", .low = 1, .high = 1 << 24,
        .preset = "default: the preset's", .help = "sequences in a step of all nodes together"},
    {"dtype", ARGUMENT_CHOICE, AT(request.dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored"},
    {"rates", ARGUMENT_TEXT, AT(request.rates), "FILE", .preset = "default: the program's own",
        .help = "a machine that --calibrate measured", .values = &known_paths},
    {"out", ARGUMENT_TEXT, AT(request.out), "DIR", .help = "directory to make, with pictures of scaling"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace DIR when it exists, if sigmoe made it"},
};

static const argument calibration_arguments[] = {
    {"calibrate", ARGUMENT_TEXT, AT(calibrate), "FILE",
        .help =
            "instead of planning, measure this machine with the model's shapes; under mpirun messages, too",
        .values = &known_paths},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use", .help = "threads to measure with"},
};

static void defaults(void *values) {
    sigmoe_plan_defaults(&((plan_values *)values)->request);
}

// ---------------------------------------------------------------- output

static void keep_row(void *context, const sigmoe_plan_row *row) {
    plan_values *v = context;
    if (v->row_count == MOST_ROWS) return;
    sigmoe_plan_row *kept = &v->rows[v->row_count];
    *kept = *row;
    if (row->problem) {
        snprintf(v->problems[v->row_count], sizeof v->problems[0], "%s", row->problem);
        kept->problem = v->problems[v->row_count];
    }
    v->row_count++;
}

typedef struct table_row {
    const char *cells[CELLS];
    char texts[CELLS - 2][CELL];
} table_row;

static void fill_row(const sigmoe_plan_row *r, table_row *out) {
    const double numbers[CELLS - 2] = {r->seconds, 100 * r->communication_seconds / r->seconds,
        r->memory_bytes * 1e-9, r->traffic_bytes * 1e-9, r->tokens_per_s, r->speedup};
    static const char *const formats[CELLS - 2] = {"%.4g", "%.0f %%", "%.2f", "%.3f", "%.0f", "%.3g"};
    out->cells[0] = r->model;
    out->cells[1] = r->scheme;
    for (int i = 0; i < CELLS - 2; i++) {
        if (r->problem)
            snprintf(out->texts[i], CELL, "-");
        else
            snprintf(out->texts[i], CELL, formats[i], numbers[i]);
        out->cells[2 + i] = out->texts[i];
    }
}

static void print_table(const plan_values *v) {
    column parts[CELLS] = {{.heading = "model"}, {.heading = "scheme"}, {"s a step", .right = true},
        {"messages", .right = true, .goes = 4}, {"GB of memory", .right = true, .goes = 3},
        {"GB sent", .right = true, .goes = 2}, {"tokens/s", .right = true, .goes = 1},
        {"speedup", .right = true}};
    columns table = {.columns = parts, .count = CELLS};
    table_row row;
    for (int i = 0; i < v->row_count; i++) {
        fill_row(&v->rows[i], &row);
        columns_measure(&table, row.cells);
    }
    columns_begin(&table);
    for (int i = 0; i < v->row_count; i++) {
        fill_row(&v->rows[i], &row);
        columns_print(&table, row.cells);
    }
}

static void print_text(const plan_values *v, const char *summary) {
    print_table(v);
    printf("\n");
    for (int i = 0; i < v->row_count; i++) {
        char line[256];
        if (!v->rows[i].problem) continue;
        snprintf(line, sizeof line, "%s, %s: %s\n", v->rows[i].model, v->rows[i].scheme, v->rows[i].problem);
        print_fitted(line);
    }
    print_fitted(summary);
}

static void emit_row(json_output *j, const sigmoe_plan_row *r) {
    emit_open(j, NULL, '{');
    emit_string(j, "model", r->model);
    emit_string(j, "scheme", r->scheme);
    emit_string(j, "problem", r->problem);
    emit_number(j, "seconds", r->seconds);
    emit_number(j, "communication_seconds", r->communication_seconds);
    emit_number(j, "tokens_per_s", r->tokens_per_s);
    emit_number(j, "memory_bytes", r->memory_bytes);
    emit_number(j, "traffic_bytes", r->traffic_bytes);
    emit_number(j, "speedup", r->speedup);
    emit_number(j, "efficiency", r->efficiency);
    emit_close(j, '}');
}

static void print_json(const plan_values *v, const char *summary) {
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_number(&j, "nodes", (double)v->request.nodes);
    emit_number(&j, "cores", v->request.cores);
    emit_string(&j, "dtype", dtype_names[v->request.dtype]);
    emit_string(&j, "out", v->request.out);
    emit_open(&j, "rows", '[');
    for (int i = 0; i < v->row_count; i++) emit_row(&j, &v->rows[i]);
    emit_close(&j, ']');
    emit_string(&j, "summary", summary);
    emit_close(&j, '}');
}

// ---------------------------------------------------------------- what is asked for

static int plan(plan_values *v, const sigmoe_observer *observer) {
    char *summary;
    v->request.visit = keep_row;
    v->request.context = v;
    int status = report(sigmoe_plan(&v->request, observer, &summary));
    if (status != EXIT_FINE) return status;
    if (v->output.json)
        print_json(v, summary);
    else
        print_text(v, summary);
    sigmoe_free(summary);
    return EXIT_FINE;
}

static int calibrate(const plan_values *v, const sigmoe_observer *observer) {
    sigmoe_calibrate_request request;
    sigmoe_calibrate_defaults(&request);
    request.config = v->request.config;
    request.out = v->calibrate;
    int status = report(sigmoe_calibrate(&request, observer));
    if (status != EXIT_FINE || !sigmoe_speaks()) return status;
    if (v->output.json)
        return *v->calibrate == '/' ? json_file_print("", v->calibrate + 1)
                                    : json_file_print(".", v->calibrate);
    printf("rates  %s\n", v->calibrate);
    return EXIT_FINE;
}

// Options that a plan needs say nothing of this machine, and the other way round.
static int check_options(const parsed_arguments *given, const plan_values *v) {
    static const char *const of_plans[] = {
        "nodes", "cores", "network", "memory-bandwidth", "batch", "dtype", "rates", "out", "force"};
    if (!v->source.preset == !v->source.config)
        return complain(EXIT_USAGE, "plan needs either --preset NAME or --config FILE");
    if (!v->calibrate && arguments_given(given, "threads"))
        return complain(EXIT_USAGE, "--threads is for --calibrate; a plan is told --cores");
    for (int i = 0; v->calibrate && i < COUNT(of_plans); i++)
        if (arguments_given(given, of_plans[i]))
            return complain(EXIT_USAGE, "--%s is for a plan, and --calibrate makes none", of_plans[i]);
    return EXIT_FINE;
}

static int run(const parsed_arguments *given, void *values) {
    plan_values *v = values;
    sigmoe_config *config;
    progress_display display;
    int status = check_options(given, v);
    if (status != EXIT_FINE) return status;
    status = config_build(&v->source, &config);
    if (status != EXIT_FINE) return status;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    v->request.config = config;
    status = v->calibrate ? calibrate(v, &observer) : plan(v, &observer);
    progress_close(&display);
    sigmoe_config_free(config);
    return status;
}

static const help_entry files[] = {
    {"DIR/weak-scaling.svg", "the batch grows with the nodes, to 4,096 of them; also PNG"},
    {"DIR/strong-scaling.svg", "the batch stays; also PNG"},
    {"DIR/scaling.csv", "the numbers"},
    {"FILE", "of --calibrate: rates and times of messages, as JSON"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"plan --preset wt-b-moe --nodes 64 --cores 96 --network 25gbit --dtype bf16",
        "A cluster that one does not have:"},
    {"plan --preset wt-s-moe --calibrate rates.json", "Measure this machine:"},
    {NULL, NULL},
};

const command command_plan = {
    .name = "plan",
    .summary = "predict what training on a cluster would take: time, memory and traffic of a step",
    .usage = "(--preset NAME | --config FILE)",
    .details =
        "Each node has one process with its sequences of every batch. data parallel: gradients are summed. "
        "ZeRO-1: each node also keeps the moments of only its share of the parameters. expert parallel: the "
        "nodes divide the experts, and rows travel to them. The dense model has as many parameters.\n\n"
        "Speedup is over one node that computes the whole batch. docs/guide/planning.md has the model, and "
        "how far it was from what was measured.",
    .files = files,
    .examples = examples,
    .groups = {{config_arguments, CONFIG_ARGUMENTS, AT(source)}, {arguments, ARGUMENT_COUNT(arguments), 0},
        {calibration_arguments, ARGUMENT_COUNT(calibration_arguments), 0},
        {output_arguments, OUTPUT_ARGUMENTS, AT(output)}},
    .values_size = sizeof(plan_values),
    .defaults = defaults,
    .run = run,
};
