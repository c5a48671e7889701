// What the kernel says of memory, in bytes.
#pragma once

// The process's resident set: its largest so far, and as it is. getrusage's maximum alone would not do: a process begins with
// that of the one which started it.
double resident_set_peak(void);
double resident_set_now(void);
// What the machine can give without swapping; infinite where it does not say.
double memory_available(void);
