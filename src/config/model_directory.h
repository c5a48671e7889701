// Model directories: config.json, model.safetensors, and tokenizer.model where the tokenizer has one.
#pragma once

#include "config/config_file.h"
#include "model/transformer_xl.h"

// Reads configuration and weights; *out is the caller's. Missing, misshapen or unknown tensors, weights that are not
// finite and tables out of range are errors that name the file and the tensor.
sigmoe_status model_read(
    const char *directory, parameter_storage storage, sigmoe_config *config, transformer **out);
// Whether the weights of such a model lie there, by their names, shapes and types: to be known before a model takes memory,
// since what config.json asks for may be any size.
sigmoe_status model_check_weights(const char *directory, const model_config *config);
// Only the weights, into a list that is allocated already.
sigmoe_status model_read_weights(const char *directory, parameter_list *list);
// Writes the files into an existing directory: the same bytes for the same model.
sigmoe_status model_write(const char *directory, const sigmoe_config *config, const transformer *model);
// A new directory, in one go. `directory` must not exist.
sigmoe_status model_save(const char *directory, const sigmoe_config *config, const transformer *model);
