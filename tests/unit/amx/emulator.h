// AMX for tests on processors without it: a SIGILL handler executes the AMX-TILE and AMX-BF16 instructions in the real machine
// code, taking some microseconds for each. On a processor with AMX there is no signal and nothing is emulated.
//
// What a processor refuses (unconfigured tiles, mismatched shapes, ...) is an illegal instruction here, too, after a message on
// stderr.
#pragma once

#include <stdint.h>

// Applies to all threads of the process. Call it inside a cmocka test: cmocka takes over SIGILL when a test begins.
void amx_emulate(void);

// Number of instructions emulated so far, by all threads.
int64_t amx_emulated(void);
