#include "commands.h"

#include <stdio.h>
#include <string.h>

typedef struct export_values {
    sigmoe_export_request request;
    bool quiet;
} export_values;

#define AT(member) offsetof(export_values, member)
static const char *const formats[] = {"hf", "onnx", NULL};

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(request.model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"format", ARGUMENT_TEXT, AT(request.format), "FORMAT", .choices = formats, .preset = "hf",
        .help = "what to write"},
    {"out", ARGUMENT_TEXT, AT(request.out), "OUT", .required = true,
        .help = "directory to make, or for onnx the file"},
    {"force", ARGUMENT_FLAG, AT(request.force),
        .help = "replace OUT when it exists; a directory, if sigmoe made it"},
    {"quiet", ARGUMENT_FLAG, AT(quiet), .help = "print only errors"},
};

static void defaults(void *values) {
    sigmoe_export_defaults(&((export_values *)values)->request);
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    export_values *v = values;
    int status = report(sigmoe_export(&v->request));
    if (status != EXIT_FINE || v->quiet) return status;
    if (strcmp(v->request.format, "onnx") == 0)
        printf("next: onnxruntime.InferenceSession(\"%s\")\n", v->request.out);
    else
        printf(
            "next: AutoModelForCausalLM.from_pretrained(\"%s\", trust_remote_code=True)\n", v->request.out);
    return EXIT_FINE;
}

static const help_entry files[] = {
    {"OUT/config.json", "hf: the configuration, with the names of the classes"},
    {"OUT/model.safetensors", "hf: the weights as float32"},
    {"OUT/modeling_sigmoe.py",
        "hf: the model in PyTorch, which needs no sigmoe; also configuration_sigmoe.py"},
    {"OUT/tokenizer.json", "hf: of byte models; of others tokenizer.model and tokenization_sigmoe.py"},
    {"OUT", "onnx: the model as a graph, with its weights"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"export --model run --format hf --out exported", "For Hugging Face's transformers:"},
    {"export --model run --format onnx --out model.onnx", "For ONNX Runtime and others:"},
    {NULL, NULL},
};

const command command_export = {
    .name = "export",
    .summary = "a model for other programs",
    .usage = "",
    .details =
        "hf: a directory for Hugging Face's transformers, whose AutoModelForCausalLM and AutoTokenizer load "
        "it with trust_remote_code=True. Texts of any length can be generated, and it is still a model "
        "directory.\n\n"
        "onnx: a file of ONNX's standard operators, opset 17. It computes logits [B, n, V] of input_ids [B, "
        "n], texts from their beginning; of a mixture every expert is computed for every token. The router "
        "random cannot be expressed, and a file can have at most 2 GB.\n\n"
        "In both, logits are those of this program.",
    .files = files,
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .leaves_files = true,
    .values_size = sizeof(export_values),
    .defaults = defaults,
    .run = run,
};
