// What the processor has.
#pragma once

// Levels are ordered: each includes those before it.
typedef enum cpu_level { CPU_SCALAR, CPU_AVX2, CPU_AVX512, CPU_AVX512BF16, CPU_AMX } cpu_level;

// The highest level that the processor, the system and this build have: CPU_SCALAR in a build without kernels for x86.
cpu_level cpu_detect(void);
