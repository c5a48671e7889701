// How a model's weights lie in model.safetensors: as F32 or BF16, or a matrix as I8 with scales in a tensor `<name>.scale`, one
// for each row: those of its shape without the last dimension. A weight is then its number times its row's scale.
#pragma once

#include "formats/safetensors.h"
#include "model/parameters.h"

enum { SCALE_NAME = 128 };
// The name of the scales of the tensor `name`.
void scale_name(char out[SCALE_NAME], const char *name);
// Whether the file has the tensor as I8; it may then still lack its scales.
bool stored_in_8_bits(const safetensors_file *file, const parameter *p);
// By name, shape and type.
sigmoe_status stored_weights_check(const safetensors_file *file, const parameter *p);
// Reads those of p->value that this process has. Errors name the file and the tensor; weights that are not finite are none, but
// such scales are.
sigmoe_status stored_weights_read(const safetensors_file *file, parameter *p);
// Reads p->numbers and p->scale as they are, and what p->value is needed; the file has them in 8 bits.
sigmoe_status stored_weights_read_numbers(const safetensors_file *file, parameter *p);
// Refuses the file if it has tensors beside those of the list and their scales.
sigmoe_status stored_weights_refuse_others(const safetensors_file *file, const parameter_list *list);
