// Every implementation of every operation against what the machine allows: what sigmoe_bench_kernel does.
#pragma once

#include "base/status.h"

sigmoe_status bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine);
