// Ranks as threads of one process, over a transport that copies: what they exchange, in which order sums are made, and that all
// waiting ends.
#include "distribute/rank_threads.h"

#include "distribute/summation.h"

// ---------------------------------------------------------------- tests

static sigmoe_status gather(communicator *c) {
    int32_t own[3], all[3 * MOST_RANKS];
    int rank = communicator_rank(c), ranks = communicator_ranks(c);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) own[i] = 100 * round + 10 * rank + i;
        TRY(communicator_gather(c, own, sizeof own, all));
        for (int r = 0; r < ranks; r++)
            for (int i = 0; i < 3; i++) CHECK(all[3 * r + i] == 100 * round + 10 * r + i);
    }
    return communicator_meet(c);
}

static void test_gather(void **state) {
    (void)state;
    all_work(gather);
}

static real value_of(int rank, int64_t i) {
    return (real)(rank + 1) / (real)(3 + i % 1009);
}

// Sums of f32 depend on their order: the ranks' order is the one that counts.
static sigmoe_status sum_values(communicator *c, arena *a, int64_t count) {
    real *values;
    TRY(ARENA_NEW(a, values, count + 1));
    for (int64_t i = 0; i < count; i++) values[i] = value_of(communicator_rank(c), i);
    values[count] = 7;
    TRY(communicator_sum(c, NULL, values, count, a));
    for (int64_t i = 0; i < count; i++) {
        real expected = value_of(0, i);
        for (int rank = 1; rank < communicator_ranks(c); rank++) expected += value_of(rank, i);
        CHECK(values[i] == expected);
    }
    CHECK(values[count] == 7);
    return SIGMOE_OK;
}

static sigmoe_status sum(communicator *c) {
    static const int64_t counts[] = {0, 1, 2, 3, 7, 1000, (1 << 20) - 1, 1 << 20, (1 << 21) + 5};
    arena *a;
    TRY(arena_create("test", &a));
    sigmoe_status status = SIGMOE_OK;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && status == SIGMOE_OK; i++)
        status = sum_values(c, a, counts[i]);
    arena_destroy(a);
    return status;
}

static void test_sum(void **state) {
    (void)state;
    all_work(sum);
}

// Even ranks and odd ones sum up beside each other.
static sigmoe_status sum_halves(communicator *c) {
    int rank = communicator_rank(c), ranks = communicator_ranks(c), first = rank % 2;
    const rank_group half = {first, 2, (ranks - first + 1) / 2};
    real values[3] = {value_of(rank, 0), value_of(rank, 1), value_of(rank, 2)};
    arena *a;
    CHECK(rank_group_at(&half, rank_group_find(&half, rank)) == rank);
    TRY(arena_create("test", &a));
    sigmoe_status status = communicator_sum(c, &half, values, 3, a);
    arena_destroy(a);
    for (int i = 0; i < 3 && status == SIGMOE_OK; i++) {
        real expected = value_of(first, i);
        for (int other = first + 2; other < ranks; other += 2) expected += value_of(other, i);
        CHECK(values[i] == expected);
    }
    return status;
}

static void test_sum_of_a_group(void **state) {
    (void)state;
    all_work(sum_halves);
}

// The others wait for rank 1, which tells them something else.
static sigmoe_status tell(communicator *c) {
    if (communicator_rank(c) != 1) return communicator_meet(c);
    (fail)(SIGMOE_BAD_FORMAT, "the file is damaged");
    kept_failure failure = failure_keep(SIGMOE_BAD_FORMAT);
    communicator_tell(c, &failure);
    return failure_again(&failure);
}

// ---------------------------------------------------------------- sums under way

enum { UNDER_WAY = 3, PART = 100 };

// Several begin before any of them is looked after; parts have different sizes, and member 1 has none.
typedef struct many_sums {
    real values[UNDER_WAY][MOST_RANKS * PART];
    int64_t count[MOST_RANKS]; // of each part
    sum_part parts[UNDER_WAY][MOST_RANKS];
    summation *all[UNDER_WAY];
} many_sums;

static sigmoe_status begin_sums(communicator *c, sum_call call, arena *a, many_sums *m) {
    for (int i = 0; i < UNDER_WAY; i++) {
        real *next = m->values[i];
        for (int64_t k = 0; k < MOST_RANKS * PART; k++)
            m->values[i][k] = value_of(communicator_rank(c), i + k);
        for (int member = 0; member < call.group.count; member++) {
            m->count[member] = member == 1 ? 0 : PART - member;
            int64_t bytes = m->count[member] * (int64_t)sizeof *next; // as which values are spread alone
            m->parts[i][member] = (sum_part){next, call.adds ? m->count[member] : bytes};
            next += m->count[member];
        }
        call.parts = m->parts[i];
        TRY(summation_begin(c, &call, a, &m->all[i]));
    }
    return SIGMOE_OK;
}

static sigmoe_status look_after_sums(many_sums *m) {
    for (int left = UNDER_WAY; left > 0;) {
        bool turn = true;
        left = 0;
        for (int i = 0; i < UNDER_WAY; i++) {
            int waits_for;
            TRY(summation_look(m->all[i], turn, &waits_for));
            turn = turn && summation_has_added(m->all[i]);
            left += waits_for >= 0;
        }
    }
    for (int i = 0; i < UNDER_WAY; i++) TRY(summation_end(m->all[i], SIGMOE_OK));
    return SIGMOE_OK;
}

static real rounded(real x, bool rounds) {
    return rounds ? (real)bf16_value(bf16_of((float)x)) : x;
}

// What value k of sum i, which is in a member's part, is to become.
static real expected_value(const communicator *c, const sum_call *call, int i, int64_t k, int member) {
    int me_here = communicator_rank(c);
    real sum = 0;
    if (!call->adds) return call->spreads ? value_of(member, i + k) : value_of(me_here, i + k);
    if (!call->spreads && member != me_here) return value_of(me_here, i + k);
    for (int rank = 0; rank < communicator_ranks(c); rank++)
        sum += rounded(value_of(rank, i + k), call->rounded && rank != member);
    return rounded(sum, call->rounded);
}

static sigmoe_status check_sums(const communicator *c, const sum_call *call, const many_sums *m) {
    for (int i = 0; i < UNDER_WAY; i++) {
        int64_t k = 0;
        for (int member = 0; member < call->group.count; member++)
            for (int64_t end = k + m->count[member]; k < end; k++)
                CHECK(m->values[i][k] == expected_value(c, call, i, k, member));
    }
    return SIGMOE_OK;
}

static sigmoe_status sum_halves_of_sums(communicator *c) {
    sigmoe_status status = SIGMOE_OK;
    for (int form = 0; form < 5 && status == SIGMOE_OK; form++) {
        const sum_call call = {
            .group = rank_group_all(c), .adds = form != 0, .spreads = form % 2 == 0, .rounded = form > 2};
        many_sums m;
        arena *a;
        TRY(arena_create("test", &a));
        status = begin_sums(c, call, a, &m);
        if (status == SIGMOE_OK) status = look_after_sums(&m);
        if (status == SIGMOE_OK) status = check_sums(c, &call, &m);
        arena_destroy(a);
    }
    return status;
}

static void test_sums_under_way(void **state) {
    (void)state;
    all_work(sum_halves_of_sums);
}

// What is abandoned is no failure of the communicator: the others hear why.
static sigmoe_status abandon_sum(communicator *c) {
    const sum_call call = {.group = rank_group_all(c), .adds = true, .spreads = true};
    many_sums m;
    arena *a;
    TRY(arena_create("test", &a));
    sigmoe_status status = begin_sums(c, call, a, &m);
    if (status == SIGMOE_OK && communicator_rank(c) != 1) status = communicator_meet(c);
    for (int i = 0; i < UNDER_WAY; i++) summation_abandon(m.all[i]);
    arena_destroy(a);
    return communicator_rank(c) == 1 ? tell(c) : status;
}

static void test_what_is_abandoned(void **state) {
    (void)state;
    rank_thread threads[MOST_RANKS];
    run_ranks(3, 60, abandon_sum, threads);
    for (int i = 0; i < 3; i++) assert_int_equal(threads[i].status, SIGMOE_BAD_FORMAT);
    assert_non_null(strstr(threads[2].sentence, "the file is damaged"));
}

// Neighbours are ranks of their own among each other, and the whole goes on beside them.
static sigmoe_status work_in_parts(communicator *c) {
    int rank = communicator_rank(c), ranks = communicator_ranks(c), size = ranks % 2 ? ranks : 2,
        all[MOST_RANKS];
    communicator *part;
    TRY(communicator_part(c, size, 60, &part));
    CHECK((part == NULL) == (size == 1));
    CHECK(communicator_ranks(part) == size && communicator_rank(part) == rank % size);
    sigmoe_status status = communicator_gather(part, &rank, sizeof rank, all);
    for (int i = 0; i < size && status == SIGMOE_OK; i++)
        status = check(all[i] == rank - rank % size + i, "a part has its members' messages");
    int first = rank;
    if (status == SIGMOE_OK) status = communicator_share(part, &first, sizeof first);
    if (status == SIGMOE_OK) status = check(first == rank - rank % size, "its first rank shares");
    communicator_destroy(part);
    TRY(status);
    return communicator_meet(c);
}

static void test_parts(void **state) {
    (void)state;
    all_work(work_in_parts);
}

// What a member waits for fails with the whole, and by the rank's number there.
static sigmoe_status fail_in_part(communicator *c) {
    communicator *part;
    TRY(communicator_part(c, 2, 60, &part));
    sigmoe_status status = SIGMOE_OK;
    if (communicator_rank(c) == 3) {
        (fail)(SIGMOE_BAD_FORMAT, "the file is damaged");
        kept_failure failure = failure_keep(SIGMOE_BAD_FORMAT);
        communicator_tell(part, &failure);
        status = failure_again(&failure);
    } else {
        status = communicator_meet(communicator_rank(c) == 2 ? part : c);
    }
    kept_failure failure = failure_keep(status);
    communicator_destroy(part);
    return failure_again(&failure);
}

static void test_parts_fail_with_the_whole(void **state) {
    (void)state;
    rank_thread threads[MOST_RANKS];
    run_ranks(4, 60, fail_in_part, threads);
    for (int i = 0; i < 4; i++) assert_int_equal(threads[i].status, SIGMOE_BAD_FORMAT);
    for (int i = 0; i < 3; i++) assert_non_null(strstr(threads[i].sentence, "rank 3 on "));
}

// Ranks 2n and 2n + 1 have the same range; the last ones have nothing.
static sigmoe_status collect_ranges(communicator *c) {
    enum { COUNT = 1000 };
    real own[COUNT], whole[COUNT];
    int rank = communicator_rank(c), pieces = (communicator_ranks(c) + 1) / 2, piece = rank / 2;
    int64_t first = COUNT * piece / pieces;
    tensor_range range = {first, COUNT * (piece + 1) / pieces - first};
    for (int64_t i = 0; i < range.count; i++) own[i] = value_of(9, range.first + i);
    TRY(communicator_collect_ranges(c, own, range, COUNT, rank == 0 ? whole : NULL));
    for (int64_t i = 0; i < COUNT && rank == 0; i++) CHECK(whole[i] == value_of(9, i));
    // Where there is a gap, all ranks say so.
    range.count = 0;
    CHECK(communicator_collect_ranges(c, own, range, COUNT, whole) == SIGMOE_IO);
    return SIGMOE_OK;
}

static void test_collect_ranges(void **state) {
    (void)state;
    all_work(collect_ranges);
}

static void test_failures_are_told(void **state) {
    (void)state;
    rank_thread threads[MOST_RANKS];
    run_ranks(3, 60, tell, threads);
    for (int i = 0; i < 3; i++) assert_int_equal(threads[i].status, SIGMOE_BAD_FORMAT);
    assert_string_equal(threads[1].sentence, "the file is damaged");
    assert_non_null(strstr(threads[0].sentence, "rank 1 on "));
    assert_non_null(strstr(threads[0].sentence, ": the file is damaged"));
    assert_string_equal(threads[0].sentence, threads[2].sentence);
}

static int silent;

// One does not come. Who speaks is rank 0, or rank 1 if it is rank 0 that does not.
static sigmoe_status wait_for_silent(communicator *c) {
    int rank = communicator_rank(c);
    if (rank == silent) return SIGMOE_OK;
    sigmoe_status status = communicator_meet(c);
    kept_failure failure = failure_keep(status);
    CHECK(communicator_speaks(c) == (rank == (silent == 0 ? 1 : 0)) || rank > 1);
    CHECK(communicator_meet(c) != SIGMOE_OK); // nothing works any more
    return failure_again(&failure);
}

static void test_waiting_ends(void **state) {
    (void)state;
    for (silent = 0; silent < 2; silent++) {
        rank_thread threads[MOST_RANKS];
        char expected[32];
        run_ranks(2, 0.2, wait_for_silent, threads);
        snprintf(expected, sizeof expected, "rank %d on ", silent);
        assert_int_equal(threads[1 - silent].status, SIGMOE_IO);
        assert_non_null(strstr(threads[1 - silent].sentence, expected));
        assert_non_null(strstr(threads[1 - silent].sentence, "has not answered for 0.2 s"));
    }
}

static void test_alone(void **state) {
    (void)state;
    communicator *c = NULL;
    int own = 5, all = 0;
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    unsetenv("SLURM_STEP_NUM_TASKS");
    assert_int_equal(communicator_open(1, &c), SIGMOE_OK);
    assert_null(c);
    assert_int_equal(communicator_ranks(c), 1);
    assert_true(communicator_speaks(c));
    assert_int_equal(communicator_gather(c, &own, sizeof own, &all), SIGMOE_OK);
    assert_int_equal(all, 5);
    assert_int_equal(communicator_meet(c), SIGMOE_OK);
    // Of one of several, the module is asked for; beside this program there is none.
    setenv("PMI_SIZE", "2", 1);
    assert_int_equal(communicator_open(1, &c), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "PMI_SIZE says"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_sum_of_a_group),
        cmocka_unit_test(test_sums_under_way),
        cmocka_unit_test(test_what_is_abandoned),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_parts_fail_with_the_whole),
        cmocka_unit_test(test_collect_ranges),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_waiting_ends),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
