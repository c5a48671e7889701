// Texts that public functions return but no object owns: each is kept once, for the life of the process, so that none is freed
// or changed while a caller has it.
#pragma once

#include "base/status.h"

// Can be called from any thread. If out of memory, records a message and returns NULL.
const char *kept_text(const char *text);

// The end of a function that makes a text (from malloc, or NULL): on success sets *out to the kept copy; frees `text`.
sigmoe_status hand_out_text(sigmoe_status status, char *text, const char **out);
