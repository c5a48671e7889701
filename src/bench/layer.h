// Times of a mixture of experts compared with a dense block of the same size: the implementation of sigmoe_bench_layer.
#pragma once

#include "base/status.h"

sigmoe_status bench_layer(const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result);
