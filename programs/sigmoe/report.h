// Messages and exit statuses at the end of the program.
#pragma once

#include "sigmoe.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// Prints a line on stderr. All output there goes through this function or sigmoe_printable, which makes foreign text fit to be
// shown.
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Prints "sigmoe: <message>" on stderr and returns `exit_status`.
int complain(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same for a result that has no reader any more: returns the exit status of a program killed by SIGPIPE.
int complain_unread(void);
// The plural ending of a noun: "s", or "" for one.
const char *plural(int64_t count);
// The exit status of a library call; if the call failed, prints its error message.
int report(sigmoe_status status);
