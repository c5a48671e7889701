// What the processor can do, less what SIGMOE_CPU masks away. Levels are ordered: each includes those before it.
#pragma once

#include "base/status.h"

typedef enum cpu_level { CPU_SCALAR, CPU_AVX2, CPU_AVX512, CPU_AVX512BF16, CPU_AMX } cpu_level;

// Reads cpuid and the environment's SIGMOE_CPU once. An unknown or unavailable name there is an error.
sigmoe_status cpu_init(void);
// The highest level to use; CPU_SCALAR before cpu_init. Tests narrow it further with cpu_limit.
cpu_level cpu_current(void);
cpu_level cpu_hardware(void);
sigmoe_status cpu_limit(cpu_level level);
// Tests alone: use `level` though the processor lacks it; whoever calls sees to it that its instructions are emulated.
void cpu_emulate(cpu_level level);
const char *cpu_level_name(cpu_level level);
