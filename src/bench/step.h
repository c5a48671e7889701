// Times and memory of whole training steps: the implementation of sigmoe_bench_step.
#pragma once

#include "base/status.h"

sigmoe_status bench_step(const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result);
