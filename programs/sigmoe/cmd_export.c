#include "commands.h"

#include <stdio.h>

typedef struct export_values {
    sigmoe_export_request request;
    bool quiet;
} export_values;

#define AT(member) offsetof(export_values, member)
static const char *const formats[] = {"hf", NULL};

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(request.model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"format", ARGUMENT_TEXT, AT(request.format), "FORMAT", .choices = formats, .preset = "hf",
        .help = "what to write"},
    {"out", ARGUMENT_TEXT, AT(request.out), "DIR", .required = true, .help = "directory to make"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace DIR when it exists, if sigmoe made it"},
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
    printf("next: AutoModelForCausalLM.from_pretrained(\"%s\", trust_remote_code=True)\n", v->request.out);
    return EXIT_FINE;
}

static const help_entry files[] = {
    {"DIR/config.json", "the configuration, with the names of the classes"},
    {"DIR/model.safetensors", "the weights as float32"},
    {"DIR/modeling_sigmoe.py", "the model in PyTorch, which needs no sigmoe; also configuration_sigmoe.py"},
    {"DIR/tokenizer.json", "of byte models; of others tokenizer.model and tokenization_sigmoe.py"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"export --model run --format hf --out exported", "For Hugging Face's transformers:"},
    {NULL, NULL},
};

const command command_export = {
    .name = "export",
    .summary = "a model for other programs",
    .usage = "",
    .details =
        "The directory is for Hugging Face's transformers, whose AutoModelForCausalLM and AutoTokenizer load it "
        "with\n"
        "trust_remote_code=True. Logits are those of this program, and texts of any length can be generated. It "
        "is\n"
        "still a model directory.",
    .files = files,
    .examples = examples,
    .groups = {{arguments, COUNT(arguments), 0}},
    .leaves_files = true,
    .values_size = sizeof(export_values),
    .defaults = defaults,
    .run = run,
};
