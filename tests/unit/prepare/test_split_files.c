// Files as wholes in splits: each once, as near to 90, 5 and 5 % as files allow, shuffled, the same each time.
#include "prepare/split_files.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_FILES = 2000 };
static arena *a;
static int64_t sizes[MOST_FILES];

static int make_arena(void **state) {
    (void)state;
    return arena_create("test", &a) == SIGMOE_OK ? 0 : -1;
}

static int drop_arena(void **state) {
    (void)state;
    arena_destroy(a);
    return 0;
}

static int64_t bytes_of(const file_split *s, int split) {
    return s->starts[split + 1] - s->starts[split];
}

// Each file is once in the order, and the splits begin where files do.
static void assert_whole(const file_split *s, int count) {
    bool met[MOST_FILES] = {false};
    int place = 0;
    assert_int_equal(s->count, count);
    assert_int_equal(s->starts[0], 0);
    for (int split = 0; split < SPLITS; split++) {
        int64_t bytes = 0;
        for (int i = 0; i < s->files[split]; i++) {
            int file = s->order[place++];
            assert_in_range(file, 0, count - 1);
            assert_false(met[file]);
            met[file] = true;
            bytes += sizes[file];
        }
        assert_int_equal(bytes, bytes_of(s, split));
    }
    assert_int_equal(place, count);
}

// No file of train would bring a split nearer to its 5 %.
static void assert_nearest(const file_split *s) {
    int64_t share = s->starts[SPLITS] / 20;
    for (int split = 1; split < SPLITS; split++)
        for (int i = 0; i < s->files[0]; i++) {
            int64_t bytes = bytes_of(s, split), file = sizes[s->order[i]];
            int64_t off = llabs(bytes - share);
            if (file > 0 && off > share / 100) assert_true(llabs(bytes + file - share) >= off);
        }
}

static void files_of_all_sizes(void **state) {
    (void)state;
    const random_stream random = {.seed = 5, .purpose = RANDOM_TEST};
    static const int counts[] = {3, 4, 5, 10, 19, 20, 21, 40, 100, 700, MOST_FILES};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int spread = 0; spread < 4; spread++) { // equal sizes, to those that differ a thousand times
            file_split s, again;
            int64_t largest = 1;
            for (int i = 0; i < counts[c]; i++) {
                double u = random_uniform(random, (uint64_t)(i + MOST_FILES * spread));
                sizes[i] = spread == 0 ? 1000 : (int64_t)(1000 * (spread == 1 ? u : u * u * u * u)) + 1;
                if (spread == 3 && i % 3 == 0) sizes[i] = 0;
                if (sizes[i] > largest) largest = sizes[i];
            }
            if (spread == 3 && counts[c] < 5) continue; // too few are left
            assert_int_equal(split_files(sizes, counts[c], a, &s), SIGMOE_OK);
            assert_whole(&s, counts[c]);
            assert_true(split_files_suffice(&s));
            assert_nearest(&s);
            if (counts[c] >= 700 || (spread == 0 && counts[c] >= 10)) assert_true(split_files_fit(&s));
            assert_int_equal(split_files(sizes, counts[c], a, &again), SIGMOE_OK);
            assert_memory_equal(s.order, again.order, (size_t)counts[c] * sizeof *s.order);
        }
}

static void split_sizes_are(const int64_t *files, int count, int64_t train, int64_t valid, int64_t test) {
    file_split s;
    memcpy(sizes, files, (size_t)count * sizeof *files);
    assert_int_equal(split_files(sizes, count, a, &s), SIGMOE_OK);
    assert_whole(&s, count);
    assert_int_equal(bytes_of(&s, 0), train);
    // Which of the two gets which file is up to the order.
    assert_true((bytes_of(&s, 1) == valid && bytes_of(&s, 2) == test) ||
                (bytes_of(&s, 1) == test && bytes_of(&s, 2) == valid));
}

static void uneven_files(void **state) {
    (void)state;
    split_sizes_are((const int64_t[]){900, 50, 50}, 3, 900, 50, 50);
    split_sizes_are((const int64_t[]){50, 900, 25, 25}, 4, 900, 50, 50);
    split_sizes_are((const int64_t[]){400, 300, 300}, 3, 400, 300, 300);
    split_sizes_are((const int64_t[]){910, 25, 65}, 3, 910, 25, 65);
    // One file that is nearly all leaves the others to valid and test.
    split_sizes_are((const int64_t[]){9900, 20, 20, 20, 20, 20}, 6, 9900, 60, 40);
}

static void too_few_files(void **state) {
    (void)state;
    static const int64_t files[][4] = {{10, 10, 0, 0}, {10, 0, 0, 0}, {0, 0, 0, 0}};
    for (int i = 0; i < 3; i++) {
        file_split s;
        memcpy(sizes, files[i], sizeof files[i]);
        assert_int_equal(split_files(sizes, 4, a, &s), SIGMOE_OK);
        assert_whole(&s, 4);
        assert_false(split_files_suffice(&s) || split_files_fit(&s));
    }
}

// The shuffled order is not that of the files, and files without text change nothing for the others.
static void shuffled(void **state) {
    (void)state;
    enum { FILES = 200 };
    file_split s, with_empty;
    int in_order = 0, place = 0;
    for (int i = 0; i < FILES; i++) sizes[i] = 10;
    assert_int_equal(split_files(sizes, FILES, a, &s), SIGMOE_OK);
    for (int i = 1; i < FILES; i++) in_order += s.order[i] > s.order[i - 1];
    assert_in_range(in_order, FILES / 3, FILES * 2 / 3);
    for (int i = 0; i < 2 * FILES; i++) sizes[i] = i % 2 ? 10 : 0;
    assert_int_equal(split_files(sizes, 2 * FILES, a, &with_empty), SIGMOE_OK);
    for (int i = 0; i < 2 * FILES; i++)
        if (with_empty.order[i] % 2) assert_int_equal(with_empty.order[i] / 2, s.order[place++]);
    assert_int_equal(place, FILES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_of_all_sizes, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(uneven_files, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(too_few_files, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(shuffled, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
