// Passages of a text in JSON Lines: the implementation of sigmoe_passages.
#pragma once

#include "base/arena.h"

// As sigmoe_passages_read, sigmoe_passages_list and sigmoe_passages_free.
sigmoe_status passages_read(const char *file, const char *text, size_t size, sigmoe_passages **out);
const sigmoe_passage *passages_list(const sigmoe_passages *p, int64_t *count);
void passages_free(sigmoe_passages *p);
