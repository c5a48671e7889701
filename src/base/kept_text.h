// Texts that the public functions give out and that no object owns: each is kept, once, as long as the process lives, so that
// none goes or becomes another while a caller has it.
#pragma once

#include "base/status.h"

// From any thread. NULL, with the sentence, when memory is short.
const char *kept_text(const char *text);

// How a function that makes a text (of malloc, or NULL) ends: *out is the kept one where all went well; `text` is freed.
sigmoe_status hand_out_text(sigmoe_status status, char *text, const char **out);
