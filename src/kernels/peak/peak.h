// The processor's peak rate, which speeds are reported as fractions of.
#pragma once

#include "kernels/kernel.h"

// Measured multiply-add rate from registers alone (AMX: tile registers) for products with operands of this type, on all threads
// of the pool together at the level in use; in 1e9 operations per second, a multiply-add counting as two. A measurement takes
// some tenths of a second and is the best of many trials, once per thread count, level and type; later calls return the same
// number. Not safe to call from several threads at once.
double peak_gflops(threads *pool, dtype operands);

// The same, given a measured rate `reached`. A rate above the peak shows that other processes were using the processors while
// the peak was measured, so it is measured again, a few times in total; later calls of both functions return the better peak.
// If `reached` still exceeds it, the caller must report that as it is.
double peak_gflops_beyond(threads *pool, dtype operands, double reached);

// Independent chains of vector multiply-adds, enough to hide the latency. Returns a number that depends on all chains, so that
// none is optimized away (each function is in a file of its own, so callers are compiled without seeing its body). Sets
// `operations` to the number of floating-point operations done.
typedef float peak_chains(int64_t rounds, double *operations);
peak_chains peak_chains_scalar, peak_chains_avx2, peak_chains_avx512, peak_chains_avx512bf16,
    peak_chains_amxbf16;
