// Writes a model as a graph of ONNX's standard operators.
#pragma once

#include "base/status.h"

// `model` is a model directory; `out` the file to make. SIGMOE_BAD_ARGUMENT: standard operators do not express the model.
sigmoe_status export_onnx(const char *model, const char *out, bool force);
