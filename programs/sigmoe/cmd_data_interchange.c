#include "commands.h"

#include <stdio.h>

static const char *const formats[] = {"nanogpt", "megatron", NULL};

// ---------------------------------------------------------------- data import

#define AT(member) offsetof(sigmoe_data_import_request, member)

static const argument import_arguments[] = {
    {"format", ARGUMENT_TEXT, AT(format), "FORMAT", .required = true, .choices = formats,
        .help = "whose files they are"},
    {"in", ARGUMENT_TEXT, AT(in), "PATH", .required = true,
        .help =
            "a directory with train.bin and val.bin, or for megatron with train.idx and valid.idx; or for "
            "megatron an .idx without that ending"},
    {"out", ARGUMENT_TEXT, AT(out), "DIR", .required = true, .help = "directory to make"},
    {"force", ARGUMENT_FLAG, AT(force), .help = "replace DIR when it exists, if sigmoe made it"},
    {"vocab-size", ARGUMENT_INTEGER, AT(vocab_size), "N", .low = 1, .high = INT32_MAX,
        .preset = "the tokenizer's", .help = "tokens of the vocabulary"},
    {"tokenizer", ARGUMENT_TEXT, AT(tokenizer), "FILE", .preset = "not known",
        .help = "the SentencePiece model that made the tokens"},
};

static void import_defaults(void *values) {
    sigmoe_data_import_defaults(values);
}

static int run_import(const parsed_arguments *given, void *values) {
    (void)given;
    return report(sigmoe_data_import(values));
}

static const help_entry import_examples[] = {
    {"data import --format nanogpt --in for-nanogpt --vocab-size 256 --out from-nanogpt",
        "Tokens that nanoGPT prepared:"},
    {"data import --format megatron --in for-megatron --vocab-size 256 --out from-megatron",
        "A pair for each split, train.bin and train.idx, valid.bin and so on:"},
    {NULL, NULL},
};

const command command_data_import = {
    .name = "data import",
    .summary = "make data of the tokens that other programs prepared",
    .usage = "",
    .details =
        "nanogpt: train.bin, val.bin and, if it is there, test.bin, of 2 bytes for each token. meta.pkl is "
        "not read.\n"
        "megatron: .bin and .idx with tokens of 2 or 4 bytes. Documents follow each other in their order. A "
        "single\n"
        "pair is split at the document borders nearest below 90 and 95 % of the tokens.\n\n"
        "Without a test split, the validation split is used for it. Sizes of the text are not known, so "
        "scores are per token.",
    .examples = import_examples,
    .groups = {{import_arguments, ARGUMENT_COUNT(import_arguments), 0}},
    .leaves_files = true,
    .values_size = sizeof(sigmoe_data_import_request),
    .defaults = import_defaults,
    .run = run_import,
};

// ---------------------------------------------------------------- data export

#undef AT
#define AT(member) offsetof(sigmoe_data_export_request, member)

static const argument export_arguments[] = {
    {"data", ARGUMENT_TEXT, AT(data), "DIR", .required = true, .help = "prepared data"},
    {"format", ARGUMENT_TEXT, AT(format), "FORMAT", .required = true, .choices = formats,
        .help = "whose files to write"},
    {"out", ARGUMENT_TEXT, AT(out), "DIR", .required = true, .help = "directory to make"},
    {"force", ARGUMENT_FLAG, AT(force), .help = "replace DIR when it exists, if sigmoe made it"},
};

static void export_defaults(void *values) {
    sigmoe_data_export_defaults(values);
}

static int run_export(const parsed_arguments *given, void *values) {
    (void)given;
    return report(sigmoe_data_export(values));
}

static const help_entry export_examples[] = {
    {"data export --data data --format nanogpt --out for-nanogpt", "train.bin, val.bin and test.bin:"},
    {"data export --data data --format megatron --out for-megatron", "Each split as a .bin and an .idx:"},
    {NULL, NULL},
};

const command command_data_export = {
    .name = "data export",
    .summary = "prepared data for other programs",
    .usage = "",
    .details = "nanogpt: train.bin, val.bin and test.bin, of 2 bytes for each token.\n"
               "megatron: train, valid and test as .bin and .idx, each a single document.",
    .examples = export_examples,
    .groups = {{export_arguments, ARGUMENT_COUNT(export_arguments), 0}},
    .leaves_files = true,
    .values_size = sizeof(sigmoe_data_export_request),
    .defaults = export_defaults,
    .run = run_export,
};
