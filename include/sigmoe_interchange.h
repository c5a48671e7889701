/* Chapter 12 of sigmoe.h, which includes this file and has the conventions: models and data of other programs. */
#ifndef SIGMOE_INTERCHANGE_H
#define SIGMOE_INTERCHANGE_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

/* Writes a model for other programs. */
typedef struct sigmoe_export_request {
    size_t size;        /* set by the defaults */
    const char *model;  /* a model directory, or a RUN: its newest checkpoint */
    const char *format; /* "hf", "onnx" */
    const char *out;    /* what to make: absent, empty, or with force made by sigmoe */
    bool force;
} sigmoe_export_request;
SIGMOE_API void sigmoe_export_defaults_sized(sigmoe_export_request *request, size_t size);
static inline void sigmoe_export_defaults(sigmoe_export_request *request) {
    sigmoe_export_defaults_sized(request, sizeof *request);
}
/* "hf": a directory for Hugging Face's transformers, AutoModelForCausalLM.from_pretrained(out, trust_remote_code=True), with the
 * Python code that computes the model; weights are float32. It is also a model directory of this library.
 * "onnx": a file of ONNX's standard operators, opset 17: input_ids int64 [B, n] -> logits float [B, n, V], of texts from their
 * beginning. SIGMOE_BAD_ARGUMENT: these cannot express the model (the router `random`), or it exceeds the 2 GB of such a file. */
SIGMOE_API sigmoe_status sigmoe_export(const sigmoe_export_request *request);

/* Tokens that other programs prepared, and prepared data for other programs. */
typedef struct sigmoe_data_import_request {
    size_t size; /* set by the defaults */
    const char
        *format; /* "nanogpt": uint16 without a header; "megatron": .bin and .idx with uint16 or int32 */
    /* A directory with a file for each split: train.bin and val.bin (nanogpt), train.idx and valid.idx with their .bin
     * (megatron), and one of test if there is; otherwise the validation split is the test split, too. megatron: or the path of
     * one .idx without that ending, whose documents are split at about 90 and 95 % of the tokens. */
    const char *in;
    const char *out; /* directory to create: absent, empty, or with force made by sigmoe */
    bool force;
    /* What the ids mean: a SentencePiece model that is copied, or NULL, where it is not known and vocab_size must be given. */
    const char *tokenizer;
    int64_t vocab_size; /* 0: the tokenizer's */
} sigmoe_data_import_request;
SIGMOE_API void sigmoe_data_import_defaults_sized(sigmoe_data_import_request *request, size_t size);
static inline void sigmoe_data_import_defaults(sigmoe_data_import_request *request) {
    sigmoe_data_import_defaults_sized(request, sizeof *request);
}
/* The documents of a split follow each other in their order; where they end is not kept. */
SIGMOE_API sigmoe_status sigmoe_data_import(const sigmoe_data_import_request *request);

typedef struct sigmoe_data_export_request {
    size_t size;        /* set by the defaults */
    const char *data;   /* prepared data */
    const char *format; /* as above */
    const char *out;    /* directory to create: absent, empty, or with force made by sigmoe */
    bool force;
} sigmoe_data_export_request;
SIGMOE_API void sigmoe_data_export_defaults_sized(sigmoe_data_export_request *request, size_t size);
static inline void sigmoe_data_export_defaults(sigmoe_data_export_request *request) {
    sigmoe_data_export_defaults_sized(request, sizeof *request);
}
/* Files as sigmoe_data_import reads them; for megatron each split is one document. */
SIGMOE_API sigmoe_status sigmoe_data_export(const sigmoe_data_export_request *request);

#endif
