// The arguments common to all kernels, and the choice of an implementation.
//
// An operation lives in src/kernels/<op>/: <op>.h (contract), <op>.inc (its implementations, best first), <op>.c (the selector,
// which includes the .inc), <op>_ref.c (scalar reference), <op>_<isa>.c. In an .inc, FAST(symbol) names an implementation that
// exists for float only, ONEDNN(symbol) such a one in builds with oneDNN, and REFERENCE(symbol) one that exists for every
// `real`.
#pragma once

#include "base/arena.h"
#include "base/cpu.h"
#include "base/round_up.h"
#include "base/tensor.h"
#include "base/threads.h"

// Borrowed for the call. Kernels take scratch memory from `scratch` and release it before they return.
typedef struct kernel_context {
    threads *threads;
    arena *scratch;
} kernel_context;

// The first member of every implementation struct.
typedef struct kernel_identity {
    const char *name; // "avx512", "ref"; of those that call oneDNN, "onednn" and perhaps more
    cpu_level level;  // required of the processor
} kernel_identity;

// Whether the processor has its level, and oneDNN is not left out if it calls that.
bool kernel_runs(const kernel_identity *kernel);
// The first entry of `list` (pointers to structs that begin with kernel_identity) that runs.
const kernel_identity *kernel_choose(const kernel_identity *const *list, int count);

// One row of the matrix of operations and implementations, for `info --cpu` and tests: the operation's list, best first.
typedef struct kernel_list {
    const char *operation;
    const kernel_identity *const *all;
    int count;
} kernel_list;

// Whether nothing is forced, or an implementation of `list`: where an operation has several lists, those that do not obey stay out.
bool kernel_obeys(const kernel_identity *const *list, int count);

// For tests and benchmarks: makes kernel_choose take `name` if an operation has it and it can run (NULL: best first again).
void kernel_force(const char *name);

// An operation's <op>.c is its selector; it reads
//   static const kernel_identity *const all[] = {
//   #include "kernels/register.h"
//   #include "kernels/adam/adam.inc"
//   };
//   const kernel_list adam_list = {"adam", all, sizeof all / sizeof *all};
// after declaring every implementation (extern const adam_kernel adam_avx512;), and has its line in operations.inc.

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}
