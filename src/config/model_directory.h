// Model directories: config.json, model.safetensors, and tokenizer.model if the tokenizer has a model. Where there is a manifest
// (formats/manifest.h), what is read is checked against it.
#pragma once

#include "config/config_file.h"
#include "formats/safetensors.h"
#include "model/transformer_xl.h"

// Reads configuration and weights; the caller owns *out. Missing, unknown or misshapen tensors, non-finite weights, and table
// entries out of range are errors that name the file and tensor.
sigmoe_status model_read(
    const char *directory, parameter_storage storage, sigmoe_config *config, transformer **out);
// Reads only the configuration, and checks the tokenizer's model, too.
sigmoe_status model_read_config(const char *directory, sigmoe_config *config);
// Checks by name, shape and type that the directory has the weights of such a model. To be called before a model is allocated,
// since config.json may ask for any size.
sigmoe_status model_check_weights(const char *directory, const model_config *config);
// Compares the weights, or the index of their files, with the manifest, if there is one. Reading them does, too.
sigmoe_status model_check_sum(const char *directory);
// Reads only the weights, into a list that is already allocated.
sigmoe_status model_read_weights(const char *directory, parameter_list *list);
// Whether some of the directory's weights are in 8 bits; `list` is that of its model.
sigmoe_status model_is_quantized(const char *directory, parameter_list *list, bool *quantized);
// Writes the files into an existing directory; the same model gives the same bytes. The manifest is the caller's to write, when
// all is there.
sigmoe_status model_write(const char *directory, const sigmoe_config *config, const transformer *model);
// What its weights are written as, in its file; in the arena. Of a tensor of which others have a part, the caller says where this
// process's values are.
extern const char *const model_weights_name;
sigmoe_status model_list_tensors(const parameter_list *list, arena *a, tensor_to_write **out);
// Only config.json, and tokenizer.model if there is one.
sigmoe_status model_write_config(const char *directory, const sigmoe_config *config);
// Writes model.safetensors alone; `format`, unless NULL, is what its header says of the program that it is for ("pt").
sigmoe_status model_write_weights(const char *directory, const transformer *model, const char *format);
// Creates a new directory atomically. `directory` must not exist.
sigmoe_status model_save(const char *directory, const sigmoe_config *config, const transformer *model);
