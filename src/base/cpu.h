// The processor's capabilities, limited by SIGMOE_CPU, and whether SIGMOE_ONEDNN leaves oneDNN out.
#pragma once

#include "base/cpu_detect.h"
#include "base/status.h"

#include <stdbool.h>

// cpuid and the two environment variables are read once, by whichever of these functions is called first, from any thread. An
// unknown or unavailable level in SIGMOE_CPU, or a value of SIGMOE_ONEDNN other than "off", is an error, the same one whenever
// cpu_init is called.
sigmoe_status cpu_init(void);
// The highest level to use; the processor's if SIGMOE_CPU is wrong. Tests lower it further with cpu_limit.
cpu_level cpu_current(void);
cpu_level cpu_hardware(void);
sigmoe_status cpu_limit(cpu_level level);
// Whether products are to be the library's own, so that their bits do not depend on the version of oneDNN.
bool cpu_without_onednn(void);
// For tests only: uses `level` although the processor lacks it; the caller must arrange for its instructions to be emulated.
void cpu_emulate(cpu_level level);
const char *cpu_level_name(cpu_level level);
