#include "base/cpu_detect.h"

#if defined(SIGMOE_X86)

#include <cpuid.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

// The kernel permits AMX's tile state only on request (arch_prctl ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA).
static bool amx_permitted(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static bool has_amx_bf16(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    bool tile = d >> 24 & 1, bf16 = d >> 22 & 1;
    return tile && bf16;
}

static bool has_avx512_bf16(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

cpu_level cpu_detect(void) {
    // __builtin_cpu_supports also checks that the operating system saves the register state.
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return CPU_SCALAR;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (!avx512) return CPU_AVX2;
    if (!has_avx512_bf16()) return CPU_AVX512;
    return has_amx_bf16() && amx_permitted() ? CPU_AMX : CPU_AVX512BF16;
}

#else

cpu_level cpu_detect(void) {
    return CPU_SCALAR;
}

#endif
