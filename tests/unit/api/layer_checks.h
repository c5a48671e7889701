// What the tests of layers share.
#pragma once

#include "base/arena.h"
#include "base/random.h"
#include "sanitizers.h"
#include "sigmoe.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define OK(expression)                                                                                       \
    do {                                                                                                     \
        if ((expression) != SIGMOE_OK) fail_msg("%s: %s", #expression, sigmoe_message());                    \
    } while (0)

#define REFUSED(expression, words)                                                                           \
    do {                                                                                                     \
        assert_int_equal((expression), SIGMOE_BAD_ARGUMENT);                                                 \
        if (!strstr(sigmoe_message(), (words))) fail_msg("\"%s\" is not in: %s", (words), sigmoe_message()); \
    } while (0)

// Normal numbers that depend only on `key` and the position.
static inline void fill_normal(sigmoe_real *x, int64_t count, double std, uint64_t key) {
    random_stream stream = {.seed = 3, .step = key, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < count; i++) x[i] = (sigmoe_real)(std * random_normal(stream, (uint64_t)i));
}

static inline void assert_close(const char *what, int64_t i, double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%s[%lld] is %.9g, expected %.9g", what, (long long)i, got, expected);
}

// Bytes that the process has from malloc.
static inline size_t allocated_bytes(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

// Runs `work` in a child of its own; whether it returned true there. One that hangs is ended by the alarm.
static inline bool holds_in_a_child(bool work(void *context), void *context) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(!work(context));
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

// ThreadSanitizer ends a child that makes threads.
enum { CHILDREN_MAY_HAVE_THREADS = !THREAD_SANITIZED };
