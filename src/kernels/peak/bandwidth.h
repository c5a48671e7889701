// What memory can do at best.
#pragma once

#include "kernels/kernel.h"

// 1e9 bytes a second between memory and all threads of the pool together: the best of some passes over a buffer four times
// as large as the last cache, which lies in the scratch arena meanwhile.
sigmoe_status peak_bandwidth(const kernel_context *context, double *gigabytes_per_s);
