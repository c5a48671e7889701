// Errors: every fallible function returns sigmoe_status, and the one message for the user waits in a thread-local buffer until
// the program prints it. The first error wins; callers only pass it upwards.
#pragma once

#include "sigmoe.h"

#include <stdarg.h>
#include <stddef.h>

// Records the message (printf style) and returns `code`, so a failure reads: return fail(SIGMOE_BAD_FORMAT, "...").
sigmoe_status fail(sigmoe_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Like fail(), with strerror(errno) after the message; preserves errno.
sigmoe_status fail_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Prepends `context: ` to the recorded message and returns `code`; for callers that know the file or key when the callee does
// not.
sigmoe_status fail_in(sigmoe_status code, const char *context_format, ...)
    __attribute__((format(printf, 2, 3)));

enum { MESSAGE_CAPACITY = 1024 };

// A failure, kept while cleaning up after it may fail as well, or to be taken to another thread or process:
// kept_failure f = failure_keep(status); clean_up(); return failure_again(&f);
typedef struct kept_failure {
    sigmoe_status status;
    char sentence[MESSAGE_CAPACITY];
} kept_failure;

// The status, and the sentence recorded last, whose failure it is; SIGMOE_OK is kept alike.
kept_failure failure_keep(sigmoe_status status);
// Records the sentence once more, in whichever thread this is, and returns the status.
sigmoe_status failure_again(const kept_failure *kept);

// What follows a noun in a sentence: "s", and nothing behind one.
const char *plural(int64_t count);

// Returns from the function if `expression` failed. Use only where nothing needs releasing.
#define TRY(expression)                                                                                      \
    do {                                                                                                     \
        sigmoe_status try_status_ = (expression);                                                            \
        if (try_status_ != SIGMOE_OK) return try_status_;                                                    \
    } while (0)

// Goes to `label` if `expression` failed; the function keeps a `sigmoe_status status`.
#define TRY_OR(label, expression)                                                                            \
    do {                                                                                                     \
        status = (expression);                                                                               \
        if (status != SIGMOE_OK) goto label;                                                                 \
    } while (0)
