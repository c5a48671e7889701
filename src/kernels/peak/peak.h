// What the processor could do at best: the measure that speeds are given as fractions of.
#pragma once

#include "kernels/kernel.h"

// Multiply-adds from registers alone (AMX: its tiles) of products whose operands are of this type, all threads of the pool
// together, at the level in use; 1e9 operations a second, a multiply-add counting as two. Measured for some tenths of a second,
// the best of many trials, once a thread count, level and type; later calls return the same number. Not safe to call from
// several threads at once.
double peak_gflops(threads *pool, dtype operands);

// The same where `reached` was measured: a rate above the peak shows that others had the processors while the peak was
// measured, so it is measured again, a few times in all; later calls of both return the better one. What still lies above it
// then is the caller's to show as it is.
double peak_gflops_beyond(threads *pool, dtype operands, double reached);

// Independent chains of vector multiply-adds, as many as hide the latency: returns a number that depends on all, so that
// none is optimized away (each is a file of its own: its callers are compiled without seeing what it does). `operations` gets the count of floating-point operations done.
typedef float peak_chains(int64_t rounds, double *operations);
peak_chains peak_chains_scalar, peak_chains_avx2, peak_chains_avx512, peak_chains_avx512bf16,
    peak_chains_amxbf16;
