// Writes a model as a directory that Hugging Face's transformers loads with the code that lies in it, and that is a model
// directory of ours as well.
#pragma once

#include "base/status.h"

// `model` is a model directory; `out` the directory to make.
sigmoe_status export_hf(const char *model, const char *out, bool force);
