// The processor's capabilities, limited by SIGMOE_CPU.
#pragma once

#include "base/cpu_detect.h"
#include "base/status.h"

// cpuid and the environment variable SIGMOE_CPU are read once, by whichever of these functions is called first, from any thread.
// An unknown or unavailable level in SIGMOE_CPU is an error, the same one whenever cpu_init is called.
sigmoe_status cpu_init(void);
// The highest level to use; the processor's if SIGMOE_CPU is wrong. Tests lower it further with cpu_limit.
cpu_level cpu_current(void);
cpu_level cpu_hardware(void);
sigmoe_status cpu_limit(cpu_level level);
// For tests only: uses `level` although the processor lacks it; the caller must arrange for its instructions to be emulated.
void cpu_emulate(cpu_level level);
const char *cpu_level_name(cpu_level level);
