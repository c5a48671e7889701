#include "commands.h"

#include "json_output.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct quantize_values {
    sigmoe_quantize_request request;
    output_options output;
} quantize_values;

#define AT(member) offsetof(quantize_values, member)

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(request.model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"out", ARGUMENT_TEXT, AT(request.out), "DIR", .required = true, .help = "model directory to make"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace DIR when it exists, if sigmoe made it"},
};

static void defaults(void *values) {
    sigmoe_quantize_defaults(&((quantize_values *)values)->request);
}

static void print_result(const quantize_values *v, const sigmoe_quantize_result *r) {
    if (v->output.json) {
        json_output j = {0};
        emit_open(&j, NULL, '{');
        emit_string(&j, "out", v->request.out);
        emit_number(&j, "matrices", (double)r->matrices);
        emit_number(&j, "bytes_before", (double)r->bytes_before);
        emit_number(&j, "bytes", (double)r->bytes);
        emit_close(&j, '}');
    } else if (!v->output.quiet) {
        printf("%s: %" PRId64 " matrices in 8 bits; %.1f MB of weights, %.1f MB before\n", v->request.out,
            r->matrices, 1e-6 * (double)r->bytes, 1e-6 * (double)r->bytes_before);
    }
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    quantize_values *v = values;
    sigmoe_quantize_result result;
    sigmoe_status status = sigmoe_quantize(&v->request, &result);
    if (status == SIGMOE_OK) print_result(v, &result);
    return report(status);
}

static const help_entry files[] = {
    {"DIR", "a model directory: config.json, model.safetensors, and the tokenizer.model if there is one"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"quantize --model run --out small", "A model in a quarter of the size:"},
    {NULL, NULL},
};

const command command_quantize = {
    .name = "quantize",
    .summary = "a trained model with weights of 8 bits",
    .usage = "",
    .details =
        "Each row of a large matrix is stored as whole numbers from -127 to 127 and a scale. What chooses "
        "experts or values,\n"
        "norms and biases stay as they are. Every command that reads a model reads such a DIR, too; training "
        "goes on from it in\n"
        "f32 (`train --init`).",
    .files = files,
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {output_arguments, OUTPUT_ARGUMENTS, AT(output)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .leaves_files = true,
    .values_size = sizeof(quantize_values),
    .defaults = defaults,
    .run = run,
};
