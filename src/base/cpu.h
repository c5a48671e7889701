// What the processor can do, less what SIGMOE_CPU masks away. Levels are ordered: each includes those before it.
#pragma once

#include "base/status.h"

typedef enum cpu_level { CPU_SCALAR, CPU_AVX2, CPU_AVX512, CPU_AVX512BF16, CPU_AMX } cpu_level;

// cpuid and the environment's SIGMOE_CPU are read once, by whichever of these functions is called first, from any thread.
// An unknown or unavailable name in SIGMOE_CPU is an error, and the same one whenever cpu_init is called.
sigmoe_status cpu_init(void);
// The highest level to use; the processor's where SIGMOE_CPU is wrong. Tests narrow it further with cpu_limit.
cpu_level cpu_current(void);
cpu_level cpu_hardware(void);
sigmoe_status cpu_limit(cpu_level level);
// Tests alone: use `level` though the processor lacks it; whoever calls sees to it that its instructions are emulated.
void cpu_emulate(cpu_level level);
const char *cpu_level_name(cpu_level level);
