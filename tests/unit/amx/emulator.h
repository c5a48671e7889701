// AMX for tests on processors that have none: a handler of SIGILL executes the AMX-TILE and AMX-BF16 instructions that real
// machine code contains, each for some microseconds. Where the processor has AMX no signal comes and nothing is emulated.
//
// What a processor refuses (tiles that are not configured, shapes that do not fit, ...) ends as an illegal instruction here
// too, after one sentence on stderr.
#pragma once

#include <stdint.h>

// For all threads of the process. Inside a cmocka test, not before it: cmocka takes SIGILL for itself when a test begins.
void amx_emulate(void);

// Instructions emulated so far, by all threads.
int64_t amx_emulated(void);
