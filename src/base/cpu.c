#include "base/cpu.h"

#include <cpuid.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static cpu_level hardware = CPU_SCALAR;
static cpu_level current = CPU_SCALAR;

static const char *const names[] = {"scalar", "avx2", "avx512", "avx512bf16", "amx"};

const char *cpu_level_name(cpu_level level) {
    return names[level];
}

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

static cpu_level detect(void) {
    // __builtin_cpu_supports also checks that the operating system saves the register state.
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return CPU_SCALAR;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (!avx512) return CPU_AVX2;
    if (!has_avx512_bf16()) return CPU_AVX512;
    return has_amx_bf16() && amx_permitted() ? CPU_AMX : CPU_AVX512BF16;
}

static sigmoe_status limit(cpu_level level) {
    if (level > hardware)
        return fail(SIGMOE_BAD_ARGUMENT, "this processor has no %s; the best it has is %s", names[level],
            names[hardware]);
    current = level;
    return SIGMOE_OK;
}

static sigmoe_status obey(const char *mask) {
    if (!mask || !*mask) return SIGMOE_OK;
    for (int level = CPU_SCALAR; level <= CPU_AMX; level++)
        if (strcmp(mask, names[level]) == 0) return limit((cpu_level)level);
    return fail(SIGMOE_BAD_ARGUMENT,
        "SIGMOE_CPU=%s: use one of scalar, avx2, avx512, avx512bf16, amx, or leave it unset", mask);
}

// What came of it, for whoever asks later.
static sigmoe_status verdict;
static char complaint[256];

static void begin(void) {
    hardware = current = detect();
    verdict = obey(getenv("SIGMOE_CPU"));
    if (verdict != SIGMOE_OK) snprintf(complaint, sizeof complaint, "%s", sigmoe_message());
}

static void begin_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
}

sigmoe_status cpu_init(void) {
    begin_once();
    return verdict == SIGMOE_OK ? SIGMOE_OK : fail(verdict, "%s", complaint);
}

cpu_level cpu_current(void) {
    begin_once();
    return current;
}

cpu_level cpu_hardware(void) {
    begin_once();
    return hardware;
}

sigmoe_status cpu_limit(cpu_level level) {
    begin_once();
    return limit(level);
}

void cpu_emulate(cpu_level level) {
    begin_once();
    current = level;
}
