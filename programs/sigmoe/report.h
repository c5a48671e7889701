// What the program says when it ends, and with which exit status.
#pragma once

#include "sigmoe.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// Prints a line on stderr; all that goes there does so by this function, or through make_printable.
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Prints "sigmoe: <sentence>" on stderr and returns `exit_status`.
int complain(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same of a result that nobody can read any more: with the status of a program that SIGPIPE ended.
int complain_unread(void);
// What follows a noun: "s", and nothing behind one.
const char *plural(int64_t count);
// The exit status of a library call; when it failed, its sentence is printed.
int report(sigmoe_status status);
