// What people call a text, from the sources that `data prepare` writes.
#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"dict-gcide_0.48.5+nmu2_all.deb", "GCIDE"},
        {"text: /home/me/books/moby.txt", "moby.txt"},
        {"text: a.txt books/ (37 files)", "a.txt books (37 files)"},
        {"text: ../one/a.txt two/b.txt", "a.txt b.txt"}, {"http://somewhere/enwik8.zip", "enwik8"},
        {"/data/enwik8", "enwik8"}, {"/data/wikitext-103-v1.zip (raw edition)", "WikiText-103"},
        {"C4: 3 training shard(s) from c4-train.00000.json.gz on, 1 for validation from x on", "C4"},
        {"drawn", "drawn"}, {"", "prepared"}, {"text: ", "prepared"}, {"text: /", "prepared"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dataset d = {.directory = "out/prepared"};
        char name[DATASET_NAME];
        snprintf(d.source, sizeof d.source, "%s", cases[i][0]);
        dataset_name(&d, name);
        assert_string_equal(name, cases[i][1]);
    }
}

static void the_longest_source_fits(void **state) {
    (void)state;
    dataset d = {.directory = "x"};
    char name[DATASET_NAME];
    snprintf(d.source, sizeof d.source, "text: ");
    memset(d.source + 6, 'a', sizeof d.source - 7);
    dataset_name(&d, name);
    assert_int_equal(strlen(name), DATASET_NAME - 1);
    for (size_t i = 8; i < sizeof d.source - 1; i += 2) d.source[i] = ' ';
    dataset_name(&d, name);
    assert_in_range(strlen(name), DATASET_NAME - 3, DATASET_NAME - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(the_longest_source_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
