// What a directory of prepared data holds, for people.
#pragma once

#include "base/status.h"

// A few lines, from meta.json: the vocabulary, and for each split its sizes and scores. *out is the caller's to free.
sigmoe_status data_summary(const char *directory, char **out);
