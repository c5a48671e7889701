// What every kernel is called with, and how an implementation is chosen.
//
// An operation lives in src/kernels/<op>/: <op>.h (contract), <op>.inc (its implementations, best first), <op>.c (the
// selector: it includes the .inc), <op>_ref.c (scalar truth), <op>_<isa>.c. FAST(symbol) in an .inc names an implementation
// that exists for float only, ONEDNN(symbol) one of these in builds with oneDNN, REFERENCE(symbol) one that exists for every
// `real`.
#pragma once

#include "base/arena.h"
#include "base/cpu.h"
#include "base/tensor.h"
#include "base/threads.h"

// Borrowed by the call. Kernels take scratch memory from `scratch` and release it before they return.
typedef struct kernel_context {
    threads *threads;
    arena *scratch;
} kernel_context;

// First member of every implementation struct.
typedef struct kernel_identity {
    const char *name; // "onednn", "avx512", "ref"
    cpu_level level;  // what the processor must have
} kernel_identity;

// The first of `list` (pointers to structs that begin with kernel_identity) that the processor may run.
const kernel_identity *kernel_choose(const kernel_identity *const *list, int count);

// One row of the matrix operation x implementation, for `info --cpu` and for tests: the op's list, best first.
typedef struct kernel_list {
    const char *operation;
    const kernel_identity *const *all;
    int count;
} kernel_list;

// Tests and benches: make kernel_choose take `name` wherever an operation has it and may run it (NULL: best first again).
void kernel_force(const char *name);

// An operation's <op>.c is its selector; it reads
//   static const kernel_identity *const all[] = {
//   #include "kernels/register.h"
//   #include "kernels/adam/adam.inc"
//   };
//   const kernel_list adam_list = {"adam", all, sizeof all / sizeof *all};
// with every implementation declared before (extern const adam_kernel adam_avx512;), and has its line in operations.inc.

// Splits [0, total) into fixed blocks, independent of the thread count: what keeps the bits the same.
static inline int64_t block_count(int64_t total, int64_t block) {
    return (total + block - 1) / block;
}
static inline int64_t round_up(int64_t total, int64_t step) {
    return block_count(total, step) * step;
}
static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}
