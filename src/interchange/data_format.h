// How other programs keep prepared tokens.
#pragma once

#include "base/status.h"

typedef enum data_format { DATA_NANOGPT, DATA_MEGATRON } data_format;

sigmoe_status data_format_named(const char *name, data_format *out);
// What files of split 0, 1 or 2 (train, valid, test) are called, without their ending.
const char *data_format_split(data_format format, int split);
