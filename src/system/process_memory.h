// Memory figures from the kernel, in bytes.
#pragma once

// The process's resident set: its peak and its current size. getrusage's maximum would not do: a process inherits the maximum
// of the process that started it.
double resident_set_peak(void);
double resident_set_now(void);
