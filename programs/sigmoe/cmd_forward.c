#include "commands.h"

#include "json_output.h"
#include "progress.h"

typedef struct forward_values {
    sigmoe_forward_request request;
    output_options output;
    int threads;
} forward_values;

#define AT(member) offsetof(forward_values, member)

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(request.model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"tokens", ARGUMENT_TEXT, AT(request.tokens), "X.npy", .required = true,
        .help = "int32 [B, n+1] token ids"},
    {"out", ARGUMENT_TEXT, AT(request.out), "Y.safetensors", .required = true,
        .help = "logits [B, n, V], loss.ce, loss.reg, grad.*"},
    {"unroll", ARGUMENT_INTEGER, AT(request.unroll), "T", .low = 1, .high = 1 << 20,
        .preset = "default: the configuration's", .help = "tokens of a segment"},
    {"memory-segments", ARGUMENT_INTEGER, AT(request.memory_segments), "M", .low = 0, .high = 1 << 16,
        .preset = "default: the configuration's", .help = "segments that attention looks back on"},
    {"training", ARGUMENT_FLAG, AT(request.training),
        .help = "as in training: regularizers, balancing, noise, dropout"},
    {"grad", ARGUMENT_FLAG, AT(request.grad), .help = "also the last segment's gradient of every tensor"},
    {"dtype", ARGUMENT_CHOICE, AT(request.dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored"},
    {"seed", ARGUMENT_SEED, AT(request.seed), "S", .help = "of dropout and noise"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_forward_defaults(&((forward_values *)values)->request);
}

// The losses have the names of their tensors.
static void print_json(const sigmoe_forward_request *request, const sigmoe_forward_result *result) {
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_string(&j, "out", request->out);
    emit_number(&j, "batch", (double)result->batch);
    emit_number(&j, "length", (double)result->length);
    emit_number(&j, "loss.ce", result->cross_entropy);
    emit_number(&j, "loss.reg", result->regularizer);
    emit_close(&j, '}');
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    forward_values *v = values;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    sigmoe_forward_result result;
    v->request.result = &result;
    sigmoe_status status = sigmoe_forward(&v->request, &observer);
    progress_close(&display);
    if (status == SIGMOE_OK && v->output.json) print_json(&v->request, &result);
    return report(status);
}

static const help_entry files[] = {
    {"Y.safetensors",
        "logits [B, n, V], the losses loss.ce and loss.reg, and with --grad the tensors grad.NAME"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"forward --model run --tokens x.npy --out y.safetensors --grad",
        "Logits, losses and gradients of the ids in x.npy:"},
    {NULL, NULL},
};

const command command_forward = {
    .name = "forward",
    .summary = "logits, losses and gradients of given tokens, for checks against other programs",
    .usage = "",
    .details = "The n inputs run in segments of T, the last of which may be shorter, with memory carried "
               "along. The losses and\n"
               "gradients are the last segment's. An existing Y.safetensors is replaced.",
    .files = files,
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {output_arguments, OUTPUT_ARGUMENTS, AT(output)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .leaves_files = true,
    .values_size = sizeof(forward_values),
    .defaults = defaults,
    .run = run,
};
