// The parameter list: initial values have the statistics that the model asks for, whatever the thread count.
#include "model/parameters.h"
#include "sanitizers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
    parameter_list *list;
    threads *threads;
    arena *scratch;
} fixture;

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

static const parameter_declaration declarations[] = {
    {"normal", 2, {300, 200}, INIT_NORMAL, 0.25, false, true, false, false, false},
    {"uniform", 2, {300, 200}, INIT_UNIFORM, 0.5, false, false, false, false, false},
    {"truncated", 2, {300, 200}, INIT_TRUNCATED, 0.1, false, false, false, false, false},
    {"equal rows", 2, {16, 200}, INIT_EQUAL_ROWS, 0.3, false, false, false, false, false},
    {"ones", 1, {5}, INIT_ONE, 0, false, false, false, false, false},
    {"constant", 1, {1}, INIT_CONSTANT, 0.7, false, false, false, false, false},
    {"choices", 2, {50, 4}, INIT_DISTINCT_CHOICES, 9, true, false, false, false, false},
};

static void set_up(fixture *f, int thread_count, uint64_t seed) {
    ok(parameters_create(&f->list));
    ok(threads_create(thread_count, &f->threads));
    ok(arena_create("scratch", &f->scratch));
    for (size_t i = 0; i < sizeof declarations / sizeof *declarations; i++)
        ok(parameters_declare(f->list, &declarations[i], NULL));
    ok(parameters_allocate(f->list, STORE_MOMENTS));
    kernel_context kernel = {f->threads, f->scratch};
    parameters_initialize(&kernel, f->list, seed);
}

static void tear_down(fixture *f) {
    parameters_destroy(f->list);
    threads_destroy(f->threads);
    arena_destroy(f->scratch);
}

static double mean_of(const parameter *p) {
    double sum = 0;
    for (int64_t i = 0; i < p->count; i++) sum += p->value[i];
    return sum / (double)p->count;
}

static double std_of(const parameter *p) {
    double mean = mean_of(p), sum = 0;
    for (int64_t i = 0; i < p->count; i++) sum += (p->value[i] - mean) * (p->value[i] - mean);
    return sqrt(sum / (double)(p->count - 1));
}

static double largest(const parameter *p) {
    double most = 0;
    for (int64_t i = 0; i < p->count; i++) most = fmax(most, fabs(p->value[i]));
    return most;
}

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g is not %.9g", value, expected);
}

static void statistics(void **state) {
    (void)state;
    fixture f;
    set_up(&f, 2, 1);
    const parameter *normal = parameters_find(f.list, "normal");
    near(mean_of(normal), 0, 0.25 * 5 / sqrt(60000));
    near(std_of(normal), 0.25, 0.25 * 5 / sqrt(120000));
    const parameter *uniform = parameters_find(f.list, "uniform");
    near(std_of(uniform), 0.5 / sqrt(3), 0.005);
    assert_true(largest(uniform) <= 0.5 && largest(uniform) > 0.499);
    const parameter *truncated = parameters_find(f.list, "truncated");
    near(std_of(truncated), 0.1, 1e-7);                  // exact
    near(largest(truncated), 2 * 0.1 / 0.879626, 0.001); // cut at ±2 of a normal whose std then is 0.8796
    assert_true(parameters_find(f.list, "ones")->value[4] == 1);
    near(parameters_find(f.list, "constant")->value[0], 0.7, 1e-7);
    assert_int_equal(parameters_count(f.list), 3 * 60000 + 3200 + 6); // tables do not count
    tear_down(&f);
}

static void rows_are_equally_long(void **state) {
    (void)state;
    fixture f;
    set_up(&f, 1, 1);
    const parameter *p = parameters_find(f.list, "equal rows");
    double first = 0;
    for (int r = 0; r < 16; r++) {
        double norm = 0;
        for (int i = 0; i < 200; i++) norm += p->value[r * 200 + i] * p->value[r * 200 + i];
        if (r == 0) first = norm;
        near(norm / first, 1, 1e-5);
    }
    near(std_of(p), 0.3, 0.02);
    tear_down(&f);
}

static void choices_are_distinct_and_fair(void **state) {
    (void)state;
    fixture f;
    set_up(&f, 1, 1);
    const parameter *p = parameters_find(f.list, "choices");
    int uses[9] = {0};
    for (int r = 0; r < 50; r++)
        for (int i = 0; i < 4; i++) {
            int32_t choice = p->table[4 * r + i];
            assert_in_range(choice, 0, 8);
            uses[choice]++;
            for (int j = 0; j < i; j++) assert_int_not_equal(choice, p->table[4 * r + j]);
        }
    for (int e = 0; e < 9; e++) assert_in_range(uses[e], 8, 40); // 22 expected
    tear_down(&f);
}

static void same_for_any_thread_count_other_for_other_seeds(void **state) {
    (void)state;
    fixture one, three, other;
    set_up(&one, 1, 1);
    set_up(&three, 3, 1);
    set_up(&other, 1, 2);
    for (int i = 0; i < parameters_length(one.list); i++) {
        const parameter *a = parameters_at(one.list, i), *b = parameters_at(three.list, i);
        if (!a->trainable) continue;
        assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof *a->value);
        if (a->init == INIT_NORMAL)
            assert_memory_not_equal(
                a->value, parameters_at(other.list, i)->value, (size_t)a->count * sizeof(real));
    }
    tear_down(&one);
    tear_down(&three);
    tear_down(&other);
}

static void the_sum_of_all_is_checked(void **state) {
    (void)state;
    parameter_list *list;
    const parameter_declaration half = {
        "half", 2, {INT64_C(1) << 31, INT64_C(1) << 31}, INIT_ONE, 0, false, false, false, false, false};
    const parameter_declaration whole = {
        "whole", 2, {INT64_C(1) << 32, INT64_C(1) << 31}, INIT_ONE, 0, false, false, false, false, false};
    ok(parameters_create(&list));
    ok(parameters_declare(list, &half, NULL));
    assert_int_equal(parameters_declare(list, &half, NULL), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "more than 2^63 elements in all"));
    assert_int_equal(parameters_declare(list, &whole, NULL), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "whole"));
    parameters_destroy(list);
}

static void not_finite_is_named(void **state) {
    (void)state;
    fixture f;
    set_up(&f, 1, 1);
    assert_null(parameters_not_finite(f.list));
    parameters_find(f.list, "uniform")->value[77] = (real)NAN;
    assert_string_equal(parameters_not_finite(f.list)->name, "uniform");
    tear_down(&f);
}

static void sizes_do_not_wrap(void **state) {
    (void)state;
    parameter_list *list;
    ok(parameters_create(&list));
    parameter_declaration huge = {
        "huge", 3, {INT64_C(1) << 31, INT64_C(1) << 31, 4}, INIT_ZERO, 0, false, false, false, false, false};
    assert_int_equal(parameters_declare(list, &huge, NULL), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "huge"));
    parameters_destroy(list);
}

// ---------------------------------------------------------------- parts of experts' tensors

static const parameter_declaration experts[] = {
    {"small", 3, {8, 20, 30}, INIT_NORMAL, 0.5, false, true, false, false, true},
    {"large", 3, {64, 512, 512}, INIT_NORMAL, 0.5, false, true, false, false, true},
    {"all", 1, {40}, INIT_NORMAL, 0.5, false, false, false, false, false},
};

static void set_up_part(fixture *f, const char *name, int part, int parts) {
    ok(parameters_create(&f->list));
    ok(threads_create(2, &f->threads));
    ok(arena_create("scratch", &f->scratch));
    for (size_t i = 0; i < sizeof experts / sizeof *experts; i++)
        if (!experts[i].by_expert || strcmp(experts[i].name, name) == 0)
            ok(parameters_declare(f->list, &experts[i], NULL));
    if (parts > 1) parameters_share_experts(f->list, part, parts);
    ok(parameters_allocate(f->list, STORE_MOMENTS));
    kernel_context kernel = {f->threads, f->scratch};
    parameters_initialize(&kernel, f->list, 1);
}

static void parts_have_the_values_of_the_whole(void **state) {
    (void)state;
    fixture whole, part;
    set_up_part(&whole, "small", 0, 1);
    const parameter *all = parameters_at(whole.list, 0);
    for (int i = 0; i < 4; i++) {
        set_up_part(&part, "small", i, 4);
        const parameter *p = parameters_at(part.list, 0);
        assert_true(parameter_is_shared(p) && p->held.first == i * 1200 && p->held.count == 1200);
        assert_memory_equal(p->value + p->held.first, all->value + p->held.first, 1200 * sizeof(real));
        tear_down(&part);
    }
    assert_false(parameter_is_shared(all));
    tear_down(&whole);
}

static double resident_bytes(void) {
    long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lld %lld", &size, &resident), 2);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

// Of a large tensor, its gradient, moments and rounded copy, all that is not held is reserved alone.
static void parts_take_their_memory_alone(void **state) {
    (void)state;
    fixture part;
    double before = resident_bytes();
    set_up_part(&part, "large", 63, 64);
    kernel_context kernel = {part.threads, part.scratch};
    ok(parameters_round(&kernel, part.list));
    parameters_zero_gradients(&kernel, part.list);
    assert_true(parameters_find(part.list, "large")->gradient[64 * 512 * 512 - 1] == 0);
    assert_null(parameters_not_finite(part.list));
    double whole = 64.0 * 512 * 512 * (4 * sizeof(real) + sizeof(bf16)), taken = resident_bytes() - before;
    if (taken > whole / 4) fail_msg("a part of 1/64 takes %.0f of %.0f bytes", taken, whole);
    tear_down(&part);
}

// ---------------------------------------------------------------- masters

enum { MASTER_ROWS = 4096, MASTER_COLS = 4096, MASTER_SHARES = 64 };

static const parameter_declaration operands[] = {
    {"operand", 2, {MASTER_ROWS, MASTER_COLS}, INIT_UNIFORM, 0.5, false, true, false, false, false},
    {"small operand", 2, {30, 40}, INIT_TRUNCATED, 0.5, false, true, false, false, false},
    {"exact operand", 2, {30, 40}, INIT_NORMAL, 0.5, false, true, true, false, false},
    {"no operand", 1, {40}, INIT_NORMAL, 0.5, false, false, false, false, false},
};

static void set_up_masters(fixture *f, parameter_storage storage, int64_t shares) {
    ok(parameters_create(&f->list));
    ok(threads_create(2, &f->threads));
    ok(arena_create("scratch", &f->scratch));
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++)
        ok(parameters_declare(f->list, &operands[i], NULL));
    ok(parameters_allocate(f->list, storage));
    for (int i = 0; i < parameters_length(f->list); i++) {
        parameter *p = parameters_at(f->list, i);
        p->moments = (tensor_range){p->count / shares, p->count / shares};
    }
    ok(parameters_allocate_moments(f->list));
    kernel_context kernel = {f->threads, f->scratch};
    parameters_initialize(&kernel, f->list, 1);
    ok(parameters_round(&kernel, f->list));
}

// Whatever was written, also after a training has begun, and of an exact tensor the value as well.
static void masters_are_shares_of_the_values(void **state) {
    (void)state;
    fixture whole, shared;
    set_up_masters(&whole, STORE_GRADIENTS, 1);
    set_up_masters(&shared, STORE_MASTERS, MASTER_SHARES);
    kernel_context kernel = {shared.threads, shared.scratch};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < parameters_length(whole.list); i++) {
            const parameter *p = parameters_at(shared.list, i), *all = parameters_at(whole.list, i);
            assert_int_equal(p->master != NULL, p->product && !p->exact);
            assert_int_equal(p->value == NULL, p->product && !p->exact);
            tensor_range kept = parameter_kept(p);
            assert_int_equal(kept.count, p->master ? p->count / MASTER_SHARES : p->count);
            assert_memory_equal(
                parameter_kept_values(p), all->value + kept.first, (size_t)kept.count * sizeof(real));
            if (p->product) assert_memory_equal(p->rounded, all->rounded, (size_t)p->count * sizeof(bf16));
        }
        ok(parameters_open(shared.list));
        parameters_initialize(&kernel, shared.list, 1);
        ok(parameters_round(&kernel, shared.list));
    }
    assert_null(parameters_not_finite(shared.list));
    parameters_at(shared.list, 0)->master[5] = (real)INFINITY;
    assert_string_equal(parameters_not_finite(shared.list)->name, "operand");
    tear_down(&whole);
    tear_down(&shared);
}

// Of a large operand what takes memory are gradient, copy, and shares of values and moments.
static void masters_take_the_memory_of_shares(void **state) {
    (void)state;
    fixture shared;
    // They keep what was given back, here the room to write values, or have memory of their own beside all that is written.
    if (ADDRESS_SANITIZED || THREAD_SANITIZED) skip();
    double before = resident_bytes();
    set_up_masters(&shared, STORE_MASTERS, MASTER_SHARES);
    double count = (double)MASTER_ROWS * MASTER_COLS, taken = resident_bytes() - before;
    double expected = count * (sizeof(real) + sizeof(bf16)) + 3 * count / MASTER_SHARES * sizeof(real);
    if (taken > expected + count) fail_msg("masters take %.0f bytes, not about %.0f", taken, expected);
    tear_down(&shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics),
        cmocka_unit_test(rows_are_equally_long),
        cmocka_unit_test(choices_are_distinct_and_fair),
        cmocka_unit_test(same_for_any_thread_count_other_for_other_seeds),
        cmocka_unit_test(the_sum_of_all_is_checked),
        cmocka_unit_test(not_finite_is_named),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(parts_have_the_values_of_the_whole),
        cmocka_unit_test(parts_take_their_memory_alone),
        cmocka_unit_test(masters_take_the_memory_of_shares),
        cmocka_unit_test(masters_are_shares_of_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
