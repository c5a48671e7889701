// Unrolling of the loops of micro-kernels.
#pragma once

// Loops whose sums are in registers must be unrolled before the compiler allocates these. Not with sanitizers, whose checks of
// every access would make the functions too long to compile.
#if defined(__has_feature)
#define CLANG_FEATURE(name) __has_feature(name)
#else
#define CLANG_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || CLANG_FEATURE(address_sanitizer) ||     \
    CLANG_FEATURE(thread_sanitizer) || CLANG_FEATURE(undefined_behavior_sanitizer)
#define UNROLL_ROWS _Pragma("GCC unroll 1")
#define UNROLL_STEPS _Pragma("GCC unroll 1")
#elif defined(__clang__)
#define UNROLL_ROWS _Pragma("clang loop unroll(full)")
#define UNROLL_STEPS _Pragma("GCC unroll 4")
#else
#define UNROLL_ROWS _Pragma("GCC unroll 16")
#define UNROLL_STEPS _Pragma("GCC unroll 4")
#endif
