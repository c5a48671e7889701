// Every implementation of every operation, compared with the machine's limits: the implementation of sigmoe_bench_kernel.
#pragma once

#include "base/status.h"

sigmoe_status bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine);
