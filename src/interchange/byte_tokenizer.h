// The tokenizer of a byte model in the form of Hugging Face's tokenizers (tokenizer.json).
#pragma once

#include "data/tokenizer.h"

// A pipeline that gives each byte of the alphabet the id that it has here. The caller owns *out.
sigmoe_status byte_tokenizer(const tokenizer *t, json_t **out);
