#include "commands.h"

#include "columns.h"
#include "json_output.h"
#include "layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct info_values {
    config_source source;
    int64_t batch;
    sigmoe_recompute recompute;
    sigmoe_dtype dtype;
    bool cpu, json;
} info_values;

#define AT(member) offsetof(info_values, member)

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(source.model), "DIR",
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"batch", ARGUMENT_INTEGER, AT(batch), "B", .low = 1, .high = 1 << 20, .preset = "default: the preset's",
        .help = "sequences in a training step, for the memory it takes"},
    {"recompute", ARGUMENT_CHOICE, AT(recompute), "WHAT", .choices = recompute_names,
        .help = "as in `sigmoe train`, for the memory it takes"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = dtype_names,
        .help = "as in `sigmoe train`, for the memory it takes"},
    {"cpu", ARGUMENT_FLAG, AT(cpu),
        .help = "the processor's level, and the kernel chosen for each operation"},
    {"json", ARGUMENT_FLAG, AT(json), .help = "print one JSON object"},
};

// Tensors of all layers whose names differ only in the layer and whose shapes are equal.
typedef struct tensor_group {
    char name[160], shape[96], init[96];
    int64_t elements; // of all its tensors
    int tensors;
} tensor_group;

typedef struct tensor_table {
    tensor_group *groups;
    int count;
} tensor_table;

// "layers.3.ff.up.weight" -> "layers.*.ff.up.weight".
static void group_name(const char *name, char *out, size_t size) {
    int digits = 0;
    if (sscanf(name, "layers.%*d%n", &digits) == 0 && digits > 0)
        snprintf(out, size, "layers.*%s", name + digits);
    else
        snprintf(out, size, "%s", name);
}

static tensor_group describe_tensor(const sigmoe_tensor_info *tensor) {
    tensor_group group = {.elements = 1, .tensors = 1};
    group_name(tensor->name, group.name, sizeof group.name);
    size_t used = 0;
    for (int i = 0; i < tensor->dims; i++) {
        used += (size_t)snprintf(
            group.shape + used, sizeof group.shape - used, "%s%" PRId64, i ? ", " : "", tensor->shape[i]);
        group.elements *= tensor->shape[i];
    }
    snprintf(group.init, sizeof group.init, "%s", tensor->init ? tensor->init : "");
    return group;
}

// Adds the tensor to its group. False if out of memory.
static bool table_add(tensor_table *table, const sigmoe_tensor_info *tensor) {
    tensor_group group = describe_tensor(tensor);
    for (int i = 0; i < table->count; i++) {
        tensor_group *known = &table->groups[i];
        if (strcmp(known->name, group.name) != 0 || strcmp(known->shape, group.shape) != 0) continue;
        known->elements += group.elements;
        known->tensors++;
        return true;
    }
    tensor_group *grown = realloc(table->groups, (size_t)(table->count + 1) * sizeof *grown);
    if (!grown) return false;
    table->groups = grown;
    table->groups[table->count++] = group;
    return true;
}

static bool table_build(sigmoe_config *config, tensor_table *table) {
    sigmoe_tensor_info tensor;
    for (int i = 0; sigmoe_config_tensor(config, i, &tensor); i++)
        if (!table_add(table, &tensor)) return false;
    return true;
}

static void print_tensors(const tensor_table *table) {
    enum { CELLS = 5 };
    column parts[CELLS] = {{.heading = "tensor"}, {"shape", .goes = 3}, {"times", .right = true, .goes = 2},
        {"parameters", .right = true}, {"begins as", .goes = 1}};
    columns t = {.columns = parts, .count = CELLS};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < table->count; i++) {
            const tensor_group *g = &table->groups[i];
            char shape[112], times[16], elements[32];
            snprintf(shape, sizeof shape, "[%s]", g->shape);
            snprintf(times, sizeof times, "%d", g->tensors);
            snprintf(elements, sizeof elements, "%" PRId64, g->elements);
            const char *const cells[CELLS] = {g->name, shape, times, elements, g->init};
            if (pass == 0)
                columns_measure(&t, cells);
            else
                columns_print(&t, cells);
        }
        if (pass == 0) columns_begin(&t);
    }
}

static void print_summary(const sigmoe_summary *s) {
    char lines[1024];
    const double mb = 1e6;
    snprintf(lines, sizeof lines,
        "\n%-32s %" PRId64 "\n%-32s %" PRId64
        "\n%-32s %.4g (%.1f%% of a dense block of the same channels)\n%-32s %.4g\n"
        "%-32s %.0f MB: parameters and gradients %.0f, moments %.0f, activations %.0f; the rest is the "
        "process\n",
        "parameters", s->parameters, "of these in feedforward blocks", s->ff_parameters,
        "FF multiply-adds a token, layer", s->ff_multiply_adds, 100 * s->ff_flops_share,
        "training FLOPs a token", s->flops_per_token, "memory to train, about", s->peak_rss_bytes / mb,
        s->parameter_bytes / mb, s->optimizer_bytes / mb, s->activation_bytes / mb);
    print_fitted(lines);
}

static void print_text(
    const char *title, const char *json, const sigmoe_summary *s, const tensor_table *table) {
    printf("%s\n%s\n", title, json);
    print_tensors(table);
    print_summary(s);
}

static void print_json(const char *json, const sigmoe_summary *s, const tensor_table *table) {
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_number(&j, "parameters", (double)s->parameters);
    emit_number(&j, "ff_parameters", (double)s->ff_parameters);
    emit_number(&j, "ff_multiply_adds", s->ff_multiply_adds);
    emit_number(&j, "ff_flops_share", s->ff_flops_share);
    emit_number(&j, "flops_per_token", s->flops_per_token);
    emit_number(&j, "train_bytes", s->train_bytes);
    emit_number(&j, "parameter_bytes", s->parameter_bytes);
    emit_number(&j, "optimizer_bytes", s->optimizer_bytes);
    emit_number(&j, "activation_bytes", s->activation_bytes);
    emit_number(&j, "peak_rss_bytes", s->peak_rss_bytes);
    emit_open(&j, "tensors", '[');
    for (int i = 0; i < table->count; i++) {
        const tensor_group *g = &table->groups[i];
        char shape[112];
        snprintf(shape, sizeof shape, "[%s]", g->shape);
        emit_open(&j, NULL, '{');
        emit_string(&j, "name", g->name);
        emit_verbatim(&j, "shape", shape);
        emit_number(&j, "tensors", g->tensors);
        emit_number(&j, "elements", (double)g->elements);
        emit_string(&j, "init", g->init);
        emit_close(&j, '}');
    }
    emit_close(&j, ']');
    emit_verbatim(&j, "config", json);
    emit_close(&j, '}');
}

static int show_cpu(bool as_json) {
    const char *operation, *implementation;
    if (!as_json) {
        printf("%-24s %s\n", "processor level", sigmoe_cpu_name());
        for (int i = 0; sigmoe_cpu_kernel(i, &operation, &implementation); i++)
            printf("%-24s %s\n", operation, implementation);
        return EXIT_FINE;
    }
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_string(&j, "isa", sigmoe_cpu_name());
    emit_open(&j, "kernels", '{');
    for (int i = 0; sigmoe_cpu_kernel(i, &operation, &implementation); i++)
        emit_string(&j, operation, implementation);
    emit_close(&j, '}');
    emit_close(&j, '}');
    return EXIT_FINE;
}

static int show_config(const info_values *v, sigmoe_config *config) {
    sigmoe_summary summary;
    const char *json;
    tensor_table table = {0};
    int status = report(sigmoe_config_check(config));
    if (status == EXIT_FINE)
        status = report(sigmoe_config_summary(config, v->batch, v->recompute, v->dtype, &summary));
    if (status == EXIT_FINE && !table_build(config, &table)) status = complain(EXIT_FAILED, "out of memory");
    if (status == EXIT_FINE) status = report(sigmoe_config_json(config, &json));
    if (status == EXIT_FINE) {
        const char *title = v->source.preset   ? v->source.preset
                            : v->source.config ? v->source.config
                                               : v->source.model;
        if (v->json)
            print_json(json, &summary, &table);
        else
            print_text(title, json, &summary, &table);
    }
    free(table.groups);
    return status;
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    info_values *v = values;
    int sources = !!v->source.preset + !!v->source.config + !!v->source.model + v->cpu;
    if (sources != 1)
        return complain(EXIT_USAGE, "info needs %s of --preset NAME, --config FILE, --model DIR and --cpu",
            sources ? "only one" : "one");
    if (v->cpu) return show_cpu(v->json);
    sigmoe_config *config;
    int status = config_build(&v->source, &config);
    if (status != EXIT_FINE) return status;
    status = show_config(v, config);
    sigmoe_config_free(config);
    return status;
}

static const help_entry examples[] = {
    {"info --preset wt-s-moe", "A model of the paper:"},
    {"info --preset demo --set ff.n_experts=32 --batch 64", "What a change would cost:"},
    {"info --cpu", "The kernels that this processor gets:"},
    {NULL, NULL},
};

const command command_info = {
    .name = "info",
    .summary = "what a configuration costs: parameters, FLOPs, memory; what this processor runs",
    .usage = "(--preset NAME | --config FILE | --model DIR | --cpu)",
    .examples = examples,
    .groups = {{config_arguments, CONFIG_ARGUMENTS, AT(source)}, {arguments, ARGUMENT_COUNT(arguments), 0}},
    .values_size = sizeof(info_values),
    .run = run,
};
