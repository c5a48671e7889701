// Speed of generating a token: the implementation of sigmoe_bench_generate.
#pragma once

#include "base/status.h"

sigmoe_status bench_generate(
    const sigmoe_bench_generate_request *request, sigmoe_bench_generate_result *result);
