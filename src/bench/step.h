// Times of whole training steps, and the memory that they take: what sigmoe_bench_step does.
#pragma once

#include "base/status.h"

sigmoe_status bench_step(const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result);
