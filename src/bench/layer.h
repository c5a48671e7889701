// Times of one mixture of experts against the dense block of the same size: what sigmoe_bench_layer does.
#pragma once

#include "base/status.h"

sigmoe_status bench_layer(const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result);
