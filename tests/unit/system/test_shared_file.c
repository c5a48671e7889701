// Files that several processes write at once.
#include "system/scratch.h"
#include "system/shared_file.h"

#include <sys/stat.h>
#include <unistd.h>

static void written_by_two(void **state) {
    (void)state;
    int one, other;
    size_t size;
    assert_int_equal(shared_file_make(at("both"), 10, &one), SIGMOE_OK);
    assert_int_equal(shared_file_join(at("both"), 10, &other), SIGMOE_OK);
    assert_int_equal(shared_file_write(other, at("both"), 7, "xyz", 3), SIGMOE_OK);
    assert_int_equal(shared_file_write(one, at("both"), 0, "abc", 3), SIGMOE_OK);
    assert_int_equal(shared_file_sync(one, at("both")), SIGMOE_OK);
    assert_int_equal(shared_file_close(one, at("both")), SIGMOE_OK);
    assert_int_equal(shared_file_close(other, at("both")), SIGMOE_OK);
    unsigned char *bytes = get_file(at("both"), &size);
    assert_int_equal(size, 10);
    assert_memory_equal(bytes, "abc\0\0\0\0xyz", 10);
    free(bytes);
}

static void not_joined(const char *path) {
    int descriptor = 7;
    assert_int_equal(shared_file_join(path, 4, &descriptor), SIGMOE_IO);
    assert_message_has("cannot write");
    assert_int_equal(descriptor, -1);
}

static void what_is_refused(void **state) {
    (void)state;
    int descriptor;
    put_text(at("four"), "four");
    assert_int_equal(shared_file_make(at("four"), 4, &descriptor), SIGMOE_IO);
    put_text(at("longer"), "longer");
    not_joined(at("longer"));
    not_joined(at("absent"));
    assert_int_equal(symlink("four", at("link")), 0);
    not_joined(at("link"));
    assert_int_equal(shared_file_make(at("link"), 4, &descriptor), SIGMOE_IO);
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    not_joined(at("pipe"));
    assert_int_equal(mkdir(at("directory"), 0700), 0);
    not_joined(at("directory"));
    assert_int_equal(link(at("four"), at("second_name")), 0);
    not_joined(at("four"));
    size_t size;
    unsigned char *bytes = get_file(at("four"), &size);
    assert_string_equal(bytes, "four");
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_by_two),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
