// The processor's capabilities, limited by SIGMOE_CPU. Levels are ordered: each includes those before it.
#pragma once

#include "base/status.h"

typedef enum cpu_level { CPU_SCALAR, CPU_AVX2, CPU_AVX512, CPU_AVX512BF16, CPU_AMX } cpu_level;

// Reads cpuid and the environment variable SIGMOE_CPU once. An unknown or unavailable level there is an error.
sigmoe_status cpu_init(void);
// The highest level to use; CPU_SCALAR before cpu_init. Tests lower it further with cpu_limit.
cpu_level cpu_current(void);
cpu_level cpu_hardware(void);
sigmoe_status cpu_limit(cpu_level level);
// For tests only: uses `level` although the processor lacks it; the caller must arrange for its instructions to be emulated.
void cpu_emulate(cpu_level level);
const char *cpu_level_name(cpu_level level);
