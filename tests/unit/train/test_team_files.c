// The files that ranks write together have the bytes that one process writes, whoever has which values; and where a rank has no access
// to them, rank 0 writes them alone.
#include "distribute/rank_threads.h"
#include "train/fixture.h"
#include "train/team_files.h"

// ---------------------------------------------------------------- what ranks have

enum { LARGE = (1 << 17) + 77, ROWS = 1003, WIDTH = 7, TENSORS = 5 };
static const int64_t shapes[TENSORS][2] = {{LARGE, 1}, {1, 1}, {ROWS, WIDTH}, {5, 3}, {0, 4}};
static const char *const names[TENSORS] = {"all", "one", "pairs", "shares", "none"};
// Who has which values of "pairs"; the other tensors are alike in all tests.
static enum { IN_PAIRS, OVERLAPPING } division;
static bool marked; // values are the rank's that wrote them
static char together[PATH_CAPACITY], apart[PATH_CAPACITY];
static bool is_apart; // rank 1 finds `apart` in place of `together`
static char alone[MOST_RANKS][200];

static tensor_range range_of(const communicator *c, int tensor) {
    tensor_range all = {0, shapes[tensor][0] * shapes[tensor][1]};
    int rank = communicator_rank(c), ranks = communicator_ranks(c);
    if (tensor == 2 && division == IN_PAIRS) return tensor_range_part(all, rank / 2, (ranks + 1) / 2);
    if (tensor == 2) return rank == 0 ? all : tensor_range_part(all, rank, ranks);
    return tensor == 3 || tensor == 1 ? tensor_range_part(all, rank, ranks) : all;
}

static sigmoe_status make_file(const communicator *c, arena *a, const char *name, team_file *out) {
    *out = (team_file){.name = name, .count = TENSORS};
    TRY(ARENA_NEW(a, out->tensors, TENSORS));
    TRY(ARENA_NEW(a, out->held, TENSORS));
    for (int k = 0; k < TENSORS; k++) {
        tensor_range held = range_of(c, k);
        float *values;
        TRY(ARENA_NEW(a, values, held.count));
        for (int64_t i = 0; i < held.count; i++)
            values[i] = marked ? (float)communicator_rank(c) : (float)(k + 1) / (float)(held.first + i + 3);
        out->tensors[k] = (tensor_to_write){.name = names[k],
            .type = TENSOR_F32,
            .dims = 2,
            .shape = {shapes[k][0], shapes[k][1]},
            .bytes = values};
        out->held[k] = held;
    }
    return SIGMOE_OK;
}

static sigmoe_status write_in(communicator *c, arena *a) {
    team_file files[2];
    int rank = communicator_rank(c);
    TRY(make_file(c, a, "a.safetensors", &files[0]));
    TRY(make_file(c, a, "b.safetensors", &files[1]));
    return team_files_write(
        c, rank == 1 && is_apart ? apart : together, files, 2, alone[rank], sizeof alone[rank]);
}

static sigmoe_status write_files(communicator *c) {
    arena *a;
    TRY(arena_create("test", &a));
    sigmoe_status status = write_in(c, a);
    arena_destroy(a);
    return status;
}

// In an empty directory.
static void write_with(int ranks) {
    rank_thread all[MOST_RANKS];
    snprintf(together, sizeof together, "%s", in_root("together"));
    snprintf(apart, sizeof apart, "%s", in_root("apart"));
    if (path_exists(together)) OK(directory_remove(together));
    OK(directory_make(together));
    run_ranks(ranks, 60, write_files, all);
    for (int i = 0; i < ranks; i++) {
        if (all[i].status != SIGMOE_OK) print_error("%s\n", all[i].sentence);
        assert_int_equal(all[i].status, SIGMOE_OK);
    }
}

// ---------------------------------------------------------------- what becomes of it

static void assert_same_bytes(const char *path, const char *expected) {
    file_map a, b;
    OK(file_map_open(path, &a));
    OK(file_map_open(expected, &b));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    file_map_close(&a);
    file_map_close(&b);
}

// As one process writes them, and nothing beside.
static void assert_whole(void) {
    char **entries;
    int count;
    arena *a;
    team_file file;
    OK(arena_create("test", &a));
    OK(make_file(NULL, a, "expected.safetensors", &file));
    OK(safetensors_write(in_root("expected.safetensors"), file.tensors, TENSORS));
    assert_same_bytes(in_root("together/a.safetensors"), in_root("expected.safetensors"));
    assert_same_bytes(in_root("together/b.safetensors"), in_root("expected.safetensors"));
    OK(directory_list(in_root("together"), a, &entries, &count));
    assert_int_equal(count, 2);
    arena_destroy(a);
}

static void test_same_bytes(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
        write_with(ranks);
        for (int i = 0; i < ranks; i++) assert_string_equal(alone[i], "");
        assert_whole();
    }
}

static void read_marks(int tensor, float *marks) {
    safetensors_file *file;
    OK(safetensors_open(in_root("together/a.safetensors"), TENSORS, &file));
    OK(safetensors_read_f32(file, names[tensor], 2, shapes[tensor], marks));
    safetensors_close(file);
}

// Each of four ranks has written its part: of what all have, of what two have, and of what it alone has.
static void test_all_write(void **state) {
    (void)state;
    static float marks[LARGE];
    int64_t written[4] = {0};
    marked = true;
    write_with(4);
    marked = false;
    read_marks(0, marks);
    for (int64_t i = 0; i < LARGE; i++) written[(int)marks[i]]++;
    for (int rank = 0; rank < 4; rank++)
        assert_in_range(written[rank], LARGE / 4 - (1 << 14), LARGE / 4 + (1 << 14));
    read_marks(2, marks);
    assert_true(marks[0] < 2);
    assert_true(marks[ROWS * WIDTH - 1] >= 2);
    read_marks(3, marks);
    for (int i = 0; i < 15; i++) assert_true(marks[i] == (float)(i < 12 ? i / 4 : 3));
}

static void assert_written_alone(void) {
    is_apart = true;
    write_with(4);
    is_apart = false;
    assert_non_null(strstr(alone[0], "rank 1 on "));
    assert_whole();
}

static void test_other_directory(void **state) {
    (void)state;
    char *text;
    assert_written_alone(); // there is none
    OK(directory_make(apart));
    assert_written_alone();
    // As another training has left it.
    write_text(in_root("apart/.together"), "0123456789abcdef");
    write_text(in_root("apart/a.safetensors"), "precious");
    assert_written_alone();
    text = read_text(in_root("apart/a.safetensors"));
    assert_string_equal(text, "precious");
    free(text);
    // As somebody wants it to look.
    OK(directory_remove(apart));
    OK(directory_make(apart));
    write_text(in_root("victim"), "precious");
    assert_int_equal(symlink("../together/.together", in_root("apart/.together")), 0);
    assert_int_equal(symlink("../victim", in_root("apart/a.safetensors")), 0);
    assert_written_alone();
    text = read_text(in_root("victim"));
    assert_string_equal(text, "precious");
    free(text);
    OK(directory_remove(apart));
}

// The same by another name.
static void test_linked_directory(void **state) {
    (void)state;
    assert_int_equal(symlink("together", apart), 0);
    is_apart = true;
    write_with(4);
    is_apart = false;
    assert_string_equal(alone[0], "");
    assert_whole();
    assert_int_equal(unlink(apart), 0);
}

// What two ranks wrote twice is not the sum of what they wrote, and neither is what a file system has lost.
static void test_lost_bytes(void **state) {
    (void)state;
    division = OVERLAPPING;
    write_with(3);
    assert_non_null(strstr(alone[0], "loses"));
    assert_whole();
    division = IN_PAIRS;
}

static void test_failures_are_told(void **state) {
    (void)state;
    rank_thread all[MOST_RANKS];
    OK(directory_remove(in_root("together")));
    run_ranks(1, 60, write_files, all);
    assert_int_equal(all[0].status, SIGMOE_IO);
    assert_non_null(strstr(all[0].sentence, "together"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_all_write),
        cmocka_unit_test(test_other_directory),
        cmocka_unit_test(test_linked_directory),
        cmocka_unit_test(test_lost_bytes),
        cmocka_unit_test(test_failures_are_told),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
