// Measured peak memory bandwidth.
#pragma once

#include "kernels/kernel.h"

// In units of 1e9 bytes per second, between memory and all threads of the pool together: the best of several passes over a
// buffer of four times the last-level cache, allocated in the scratch arena.
sigmoe_status peak_bandwidth(const kernel_context *context, double *gigabytes_per_s);
// Of reading alone, which may be lower: some memory reads and writes at the same time.
sigmoe_status peak_read_bandwidth(const kernel_context *context, double *gigabytes_per_s);
