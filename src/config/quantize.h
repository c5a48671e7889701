// Writes a model directory again with its large matrices in 8 bits (config/stored_weights.h).
#pragma once

#include "sigmoe.h"

#include "base/status.h"

// `directory` is the model's; request->model is how the user names it.
sigmoe_status quantize_model(
    const char *directory, const sigmoe_quantize_request *request, sigmoe_quantize_result *result);
