#include "interchange/export_hf.h"

#include "config/model_directory.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/manifest.h"
#include "interchange/byte_tokenizer.h"
#include "interchange/hf_files.h"
#include "system/output_directory.h"

#include <string.h>

typedef struct export_source {
    sigmoe_config config;
    transformer *model;
} export_source;

static sigmoe_status write_text(const char *directory, const char *name, const char *text) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s", directory, name));
    return file_write(path, text, strlen(text));
}

// Takes over `root`; NULL is treated as out of memory.
static sigmoe_status write_object(const char *directory, const char *name, json_t *root) {
    char path[PATH_CAPACITY];
    sigmoe_status status = path_format(path, "%s/%s", directory, name);
    if (status == SIGMOE_OK && !root) status = fail(SIGMOE_NO_MEMORY, "no memory for %s", path);
    return json_save(status, path, root);
}

// ---------------------------------------------------------------- tokenizer

static sigmoe_status write_byte_tokenizer(const tokenizer *t, const char *directory) {
    json_t *pipeline;
    TRY(byte_tokenizer(t, &pipeline));
    TRY(write_object(directory, "tokenizer.json", pipeline));
    return write_object(directory, "tokenizer_config.json",
        json_pack("{s:s, s:b, s:[s, s]}", "tokenizer_class", "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces", 0, "model_input_names", "input_ids", "attention_mask"));
}

static sigmoe_status write_piece_tokenizer(const tokenizer *t, const char *directory) {
    TRY(tokenizer_copy_model(t, directory));
    TRY(write_text(directory, "tokenization_sigmoe.py", tokenization_sigmoe_py));
    return write_object(directory, "tokenizer_config.json",
        json_pack("{s:s, s:b, s:{s:[s, n]}}", "tokenizer_class", "SigmoeTokenizer",
            "clean_up_tokenization_spaces", 0, "auto_map", "AutoTokenizer",
            "tokenization_sigmoe.SigmoeTokenizer"));
}

// Without a tokenizer, ids alone go into the model and come out of it.
static sigmoe_status write_tokenizer(const tokenizer *t, const char *directory) {
    if (t->type == TOKENIZER_BYTES) return write_byte_tokenizer(t, directory);
    if (t->type == TOKENIZER_SENTENCEPIECE && t->model_path[0]) return write_piece_tokenizer(t, directory);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- model

// Our config.json, with what leads transformers to the classes.
static sigmoe_status write_config(const sigmoe_config *config, const char *directory) {
    json_t *root;
    TRY(config_to_json(config, &root));
    sigmoe_status status = json_put(root, "architectures", json_pack("[s]", "SigmoeForCausalLM"));
    if (status == SIGMOE_OK)
        status = json_put(root, "auto_map",
            json_pack("{s:s, s:s}", "AutoConfig", "configuration_sigmoe.SigmoeConfig", "AutoModelForCausalLM",
                "modeling_sigmoe.SigmoeForCausalLM"));
    if (status == SIGMOE_OK) return write_object(directory, "config.json", root);
    json_decref(root);
    return status;
}

static sigmoe_status write_model(const export_source *source, const char *directory) {
    TRY(write_config(&source->config, directory));
    TRY(model_write_weights(directory, source->model, "pt"));
    TRY(write_text(directory, "configuration_sigmoe.py", configuration_sigmoe_py));
    TRY(write_text(directory, "modeling_sigmoe.py", modeling_sigmoe_py));
    TRY(write_tokenizer(&source->config.tokenizer, directory));
    return manifest_write(directory);
}

static sigmoe_status read_and_write(const char *model, const char *directory) {
    export_source source;
    TRY(model_read(model, STORE_VALUES, &source.config, &source.model));
    sigmoe_status status = write_model(&source, directory);
    transformer_destroy(source.model);
    return status;
}

sigmoe_status export_hf(const char *model, const char *out, bool force) {
    char path[PATH_CAPACITY];
    output_directory directory;
    TRY(path_of_output(path, out));
    TRY(output_directory_spares(path, model, "the model", "output"));
    TRY(output_begin(&directory, path, OUTPUT_MODEL, force));
    return output_end(&directory, read_and_write(model, directory.partial));
}
