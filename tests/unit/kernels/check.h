// Checks every implementation of an operation against its reference, at every processor level that it is for.
//
// A test describes its operation as a check_operation: the number of shapes, and a function that makes the inputs of a shape
// (the same each time: take numbers from check_fill), runs the operation, and emits everything it wrote. For each shape, the
// emitted values must match the reference's within the emitted tolerance, and have equal bits at 1, 2 and 3 threads. Each
// implementation x level runs in a process of its own, since libraries look at the level only once. A line of the matrix says
// "executed" or, if the processor lacks the level, "absent". Only AMX is "emulated" there (amx/emulator.h): kernels are chosen
// as for a processor with AMX, and a handler runs their AMX instructions. Lines go to stdout and are appended to the file
// $SIGMOE_MATRIX, from which `./run test` prints the table of all operations.
#pragma once

#include "kernels/operations.h"
#include "amx/emulator.h"
#include "base/random.h"
#include "kernels/kernel.h"
#include "sanitizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// One array of outputs, widened to double.
typedef struct check_array {
    const char *name;
    int64_t count;
    double *values;
    double tolerance;
} check_array;

typedef struct check_output {
    arena *memory; // for the test's own buffers, too; released after the run
    check_array arrays[16];
    int count;
} check_output;

typedef struct check_operation {
    const char *name; // as in kernels/operations.inc
    int shapes;
    void (*run)(const kernel_context *context, int shape, check_output *out);
} check_operation;

// ---- For the run function ----

// Uniform numbers with mean 0 and variance 1; a different `key` gives different numbers.
static inline void check_fill(real *x, int64_t count, uint64_t key) {
    random_stream stream = {.seed = 7, .step = key, .layer = 0, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < count; i++)
        x[i] = (real)(sqrt(12.0) * (random_uniform(stream, (uint64_t)i) - 0.5));
}

static inline real *check_vector(check_output *out, int64_t count, uint64_t key) {
    real *x = arena_take_raw(out->memory, (size_t)count, sizeof *x);
    assert_non_null(x);
    check_fill(x, count, key);
    return x;
}

// A rows x cols matrix with `gap` elements after each row. The gaps also hold numbers, and emitting the matrix emits them.
static inline matrix check_matrix(check_output *out, int64_t rows, int64_t cols, int64_t gap, uint64_t key) {
    real *data = check_vector(out, rows * (cols + gap), key);
    return (matrix){data, TYPE_REAL, rows, cols, cols + gap, NULL};
}

static inline double *check_new_array(check_output *out, const char *name, int64_t count, double tolerance) {
    assert_true((size_t)out->count < sizeof out->arrays / sizeof *out->arrays);
    double *values = arena_take_raw(out->memory, (size_t)count, sizeof *values);
    assert_non_null(values);
    out->arrays[out->count++] = (check_array){name, count, values, tolerance};
    return values;
}

// Requires |value - reference| <= tolerance · max(1, |reference|); tolerance 0 requires equal bits.
static inline void check_emit(
    check_output *out, const char *name, const real *values, int64_t count, double tolerance) {
    double *copy = check_new_array(out, name, count, tolerance);
    for (int64_t i = 0; i < count; i++) copy[i] = values[i];
}
static inline void check_emit_double(
    check_output *out, const char *name, const double *values, int64_t count, double tolerance) {
    memcpy(check_new_array(out, name, count, tolerance), values, (size_t)count * sizeof *values);
}
static inline void check_emit_indices(
    check_output *out, const char *name, const int32_t *values, int64_t count) {
    double *copy = check_new_array(out, name, count, 0);
    for (int64_t i = 0; i < count; i++) copy[i] = values[i];
}
// Includes the gaps between rows, which must not change.
static inline void check_emit_matrix(check_output *out, const char *name, matrix m, double tolerance) {
    check_emit(out, name, matrix_real(m), m.rows * m.stride, tolerance);
}

// ---- The harness ----

enum { CHECK_THREAD_COUNTS = 3 };
// After one thread come two and three; three alone under sanitizers, where the same bits take many times longer.
static const int check_second_pool = ADDRESS_SANITIZED || THREAD_SANITIZED ? 2 : 1;

typedef struct check_subject {
    const check_operation *operation;
    const kernel_identity *implementation;
    kernel_list list;
    cpu_level level;
    bool emulated;
    bool (*small)(int shape);     // the shapes to emulate; NULL: all
    const check_output *expected; // [shapes], the reference's
} check_subject;

static check_subject check_current;
static const char check_reference_name[] = "ref";

// Tolerances may depend on the implementation, and are those that came with its own numbers.
static inline void check_compare(
    const check_output *expected, const check_output *got, bool bits, int shape) {
    assert_int_equal(expected->count, got->count);
    for (int a = 0; a < expected->count; a++) {
        const check_array *e = &expected->arrays[a], *g = &got->arrays[a];
        assert_int_equal(e->count, g->count);
        for (int64_t i = 0; i < e->count; i++) {
            double x = e->values[i], y = g->values[i], size = fabs(x) > 1 ? fabs(x) : 1;
            bool same = memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y));
            if (same || (!bits && g->tolerance > 0 && fabs(x - y) <= g->tolerance * size)) continue;
            fail_msg("shape %d, %s[%lld]: %.9g, but %s %.9g", shape, e->name, (long long)i, y,
                bits ? "at one thread" : "the reference has", x);
        }
    }
}

static inline void check_run(const char *implementation, threads *pool, int shape, check_output *out) {
    const check_subject *s = &check_current;
    arena *scratch;
    assert_int_equal(arena_create("kernel test scratch", &scratch), SIGMOE_OK);
    assert_int_equal(arena_create("kernel test", &out->memory), SIGMOE_OK);
    out->count = 0;
    kernel_force(implementation);
    assert_string_equal(kernel_choose(s->list.all, s->list.count)->name, implementation);
    s->operation->run(&(kernel_context){pool, scratch}, shape, out);
    assert_int_equal(arena_bytes(scratch), 0); // all scratch memory was released
    arena_destroy(scratch);
}

// Leaves what was emitted, and nothing else.
static inline void check_keep_emitted(check_output *out) {
    arena *all = out->memory;
    assert_int_equal(arena_create("kernel test results", &out->memory), SIGMOE_OK);
    for (int i = 0; i < out->count; i++) {
        check_array *array = &out->arrays[i];
        double *copy = arena_take_raw(out->memory, (size_t)array->count, sizeof *copy);
        assert_non_null(copy);
        array->values = memcpy(copy, array->values, (size_t)array->count * sizeof *copy);
    }
    arena_destroy(all);
}

// Once for all implementations and levels, which inherit the results: it takes longer than most of them.
static inline check_output *check_reference(const check_operation *operation) {
    check_subject *s = &check_current;
    threads *pool;
    check_output *expected = calloc((size_t)operation->shapes, sizeof *expected);
    assert_non_null(expected);
    assert_int_equal(threads_create(1, &pool), SIGMOE_OK);
    for (int shape = 0; shape < operation->shapes; shape++) {
        check_run(check_reference_name, pool, shape, &expected[shape]);
        check_keep_emitted(&expected[shape]);
    }
    threads_destroy(pool);
    s->expected = expected;
    return expected;
}

static inline void check_free(check_output *outputs, int count) {
    for (int i = 0; i < count; i++) arena_destroy(outputs[i].memory);
    free(outputs);
}

static inline void check_use_level(void) {
    const check_subject *s = &check_current;
    if (s->emulated) {
        amx_emulate();
        cpu_emulate(s->level);
    } else {
        assert_int_equal(cpu_limit(s->level), SIGMOE_OK);
    }
}

static inline bool check_is_reference(const kernel_identity *implementation) {
    return strcmp(implementation->name, check_reference_name) == 0;
}

static inline bool check_takes(int shape) {
    return !check_current.emulated || !check_current.small || check_current.small(shape);
}

static inline void check_against_reference(void **state) {
    (void)state;
    check_use_level();
    threads *pools[CHECK_THREAD_COUNTS];
    for (int i = 0; i < CHECK_THREAD_COUNTS; i++)
        assert_int_equal(threads_create(i + 1, &pools[i]), SIGMOE_OK);
    for (int shape = 0; shape < check_current.operation->shapes; shape++) {
        check_output one, more;
        if (!check_takes(shape)) continue;
        if (check_is_reference(check_current.implementation)) {
            one = check_current.expected[shape]; // this very run
        } else {
            check_run(check_current.implementation->name, pools[0], shape, &one);
            check_compare(&check_current.expected[shape], &one, false, shape);
        }
        for (int i = check_second_pool; i < CHECK_THREAD_COUNTS; i++) {
            check_run(check_current.implementation->name, pools[i], shape, &more);
            check_compare(&one, &more, true, shape);
            arena_destroy(more.memory);
        }
        if (!check_is_reference(check_current.implementation)) arena_destroy(one.memory);
    }
    for (int i = 0; i < CHECK_THREAD_COUNTS; i++) threads_destroy(pools[i]);
    // An AMX implementation that did not execute an AMX instruction has not been tested.
    if (check_current.emulated && check_current.implementation->level == CPU_AMX)
        assert_true(amx_emulated() > 0);
}

static inline int check_in_child(void) {
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(check_against_reference)};
        exit(cmocka_run_group_tests_name(check_current.operation->name, tests, NULL, NULL) != 0);
    }
    int status;
    return waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static inline void check_print_row(const char *outcome) {
    const check_subject *s = &check_current;
    char row[128];
    snprintf(row, sizeof row, "kernel %-24s %-10s %-10s %s\n", s->operation->name, s->implementation->name,
        cpu_level_name(s->level), outcome);
    fputs(row, stdout);
    const char *path = getenv("SIGMOE_MATRIX");
    FILE *matrix_rows = path && *path ? fopen(path, "a") : NULL;
    if (!matrix_rows) return;
    fputs(row, matrix_rows);
    fclose(matrix_rows);
}

// Checks the current implementation at the current level; returns 1 if it failed.
static inline int check_implementation(void) {
    check_subject *s = &check_current;
    bool present = s->level <= cpu_hardware();
    // AMX kernels also use the level below, which is not emulated.
    s->emulated = !present && s->level == CPU_AMX && cpu_hardware() == CPU_AVX512BF16;
    int failed = present || s->emulated ? check_in_child() : 0;
    check_print_row(failed ? "FAILED" : present ? "executed" : s->emulated ? "emulated" : "absent");
    return failed;
}

// Under sanitizers each implementation is checked at its own level alone: at higher ones the same code runs, many times slower
// than in the plain build, which checks them all. The reference, which is chosen at its own level only, is compared with itself:
// the same at any number of threads.
static inline int check_highest_level(const kernel_identity *implementation) {
    bool own_alone = ADDRESS_SANITIZED || THREAD_SANITIZED || check_is_reference(implementation);
    return own_alone ? (int)implementation->level : (int)CPU_AMX;
}

// Prints the operation's lines of the matrix; returns how many failed. Emulating an AMX instruction takes microseconds, so
// `small` selects the shapes that are emulated (NULL: all).
static inline int check_kernels_emulating(const check_operation *operation, bool (*small)(int shape)) {
    check_subject *s = &check_current;
    s->operation = operation;
    s->small = small;
    int index = 0, failures = 0;
    do {
        if (!kernel_list_at(index++, &s->list)) {
            printf("%s is not in operations.inc\n", operation->name);
            return 1;
        }
    } while (strcmp(s->list.operation, operation->name) != 0);
    if (cpu_init() != SIGMOE_OK) return 1;
    check_output *expected = check_reference(operation);
    for (int i = 0; i < s->list.count; i++) {
        s->implementation = s->list.all[i];
        int highest = check_highest_level(s->implementation);
        for (int level = (int)s->implementation->level; level <= highest; level++) {
            s->level = (cpu_level)level;
            failures += check_implementation();
        }
    }
    check_free(expected, operation->shapes);
    return failures;
}

static inline int check_kernels(const check_operation *operation) {
    return check_kernels_emulating(operation, NULL);
}
