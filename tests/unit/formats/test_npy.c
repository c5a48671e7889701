#include "system/scratch.h"

#include "formats/npy.h"

static arena *memory;

static int setup(void **state) {
    return scratch_setup(state) || arena_create("test", &memory) != SIGMOE_OK;
}
static int teardown(void **state) {
    arena_destroy(memory);
    return scratch_teardown(state);
}

// Magic, version, header length (2 bytes in version 1, else 4), header, data.
static void put_npy(const char *path, int version, const char *header, const void *data, size_t data_size) {
    unsigned char bytes[512] = "\x93NUMPY";
    size_t length = strlen(header), used = 8, width = version == 1 ? 2 : 4;
    bytes[6] = (unsigned char)version;
    for (size_t i = 0; i < width; i++) bytes[used++] = (unsigned char)(length >> 8 * i);
    memcpy(bytes + used, header, length);
    memcpy(bytes + used + length, data, data_size);
    put_file(path, bytes, used + length + data_size);
}

static const int32_t six[6] = {1, -2, 3, INT32_MAX, INT32_MIN, 0};
#define SIX_HEADER "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }   \n"

static sigmoe_status read_two(const char *path, int64_t shape[2], int32_t **values) {
    return npy_read_i32(path, memory, 2, shape, values);
}

static void refuses(const char *header, const void *data, size_t size, const char *part) {
    int64_t shape[2];
    int32_t *values;
    put_npy(at("bad.npy"), 1, header, data, size);
    assert_int_equal(read_two(at("bad.npy"), shape, &values), SIGMOE_BAD_FORMAT);
    assert_message_has("bad.npy");
    assert_message_has(part);
}

static void round_trips(void **state) {
    (void)state;
    int64_t shape[8];
    int32_t *values;
    assert_int_equal(npy_write_i32(at("a"), 2, (int64_t[]){2, 3}, six), SIGMOE_OK);
    assert_int_equal(read_two(at("a"), shape, &values), SIGMOE_OK);
    assert_true(shape[0] == 2 && shape[1] == 3);
    assert_memory_equal(values, six, sizeof six);
    assert_int_equal(npy_write_i32(at("a"), 1, (int64_t[]){6}, six), SIGMOE_OK);
    assert_int_equal(npy_read_i32(at("a"), memory, 1, shape, &values), SIGMOE_OK);
    assert_int_equal(shape[0], 6);
    assert_int_equal(npy_write_i32(at("a"), 0, NULL, six), SIGMOE_OK);
    assert_int_equal(npy_read_i32(at("a"), memory, 0, shape, &values), SIGMOE_OK);
    assert_int_equal(values[0], 1);
    assert_int_equal(npy_write_i32(at("a"), 2, (int64_t[]){0, 3}, six), SIGMOE_OK);
    assert_int_equal(read_two(at("a"), shape, &values), SIGMOE_OK);
    assert_int_equal(shape[0], 0);
    const int64_t large[8] = {1, 1, 1, 1, 1, 1, 1, 6};
    assert_int_equal(npy_write_i32(at("a"), 8, large, six), SIGMOE_OK);
    assert_int_equal(npy_read_i32(at("a"), memory, 8, shape, &values), SIGMOE_OK);
    assert_memory_equal(values, six, sizeof six);
    assert_int_equal(npy_write_i32(at("a"), 2, (int64_t[]){INT64_MAX, 2}, six), SIGMOE_BAD_ARGUMENT);
}

// As numpy writes it: the data begin at a multiple of 64 bytes, the header ends in a newline.
static void written_layout(void **state) {
    (void)state;
    size_t size;
    assert_int_equal(npy_write_i32(at("a"), 2, (int64_t[]){2, 3}, six), SIGMOE_OK);
    unsigned char *bytes = get_file(at("a"), &size);
    assert_int_equal(size % 64, sizeof six);
    assert_int_equal(bytes[size - sizeof six - 1], '\n');
    assert_int_equal(bytes[8] + 256 * bytes[9] + 10 + sizeof six, size);
    free(bytes);
}

static void all_versions_and_spellings(void **state) {
    (void)state;
    int64_t shape[2];
    int32_t *values;
    for (int version = 1; version <= 3; version++) {
        put_npy(at("v"), version, SIX_HEADER, six, sizeof six);
        assert_int_equal(read_two(at("v"), shape, &values), SIGMOE_OK);
        assert_memory_equal(values, six, sizeof six);
    }
    put_npy(at("v"), 1, "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<i4\"}", six, sizeof six);
    assert_int_equal(read_two(at("v"), shape, &values), SIGMOE_OK);
    assert_true(shape[0] == 2 && shape[1] == 3);
    put_npy(at("v"), 4, SIX_HEADER, six, sizeof six);
    assert_int_equal(read_two(at("v"), shape, &values), SIGMOE_BAD_FORMAT);
    assert_message_has("version 4");
}

static void wide_values(void **state) {
    (void)state;
    int64_t shape[2];
    int32_t *values;
    const char *header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }";
    int64_t two[2] = {INT32_MIN, INT32_MAX};
    put_npy(at("w"), 1, header, two, sizeof two);
    assert_int_equal(read_two(at("w"), shape, &values), SIGMOE_OK);
    assert_true(values[0] == INT32_MIN && values[1] == INT32_MAX);
    two[1]++;
    refuses(header, two, sizeof two, "value 2147483648 at place 1");
    two[1] = 1LL << 32; // must not become 0
    refuses(header, two, sizeof two, "value 4294967296 at place 1");
}

static void other_arrays(void **state) {
    (void)state;
    refuses("{'descr': '>i4', 'fortran_order': False, 'shape': (2, 3), }", six, sizeof six, "type >i4");
    refuses(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six, sizeof six, "astype(\"<i4\")");
    refuses("{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }", six, 12, "type <u2");
    refuses(
        "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (6,), }", six, sizeof six, "plain array");
    refuses("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }", six, sizeof six, "Fortran order");
    refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (6,), }", six, sizeof six,
        "1 dimension, and must have 2");
    refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2, 3), }", six, sizeof six,
        "3 dimensions, and must have 2");
}

static void bad_sizes(void **state) {
    (void)state;
    refuses(SIX_HEADER, six, sizeof six - 1, "the file holds 23 bytes");
    char longer[sizeof six + 1] = {0};
    refuses(SIX_HEADER, longer, sizeof longer, "the file holds 25 bytes");
    refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", six, 0,
        "plain array");
    refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (4611686018427387904, 1), }", six, 0,
        "shape needs");
    refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999, 1), }", six, 0,
        "plain array");
}

static void bad_headers(void **state) {
    (void)state;
    static const char *const headers[] = {
        "",
        "{",
        "}",
        "{}",
        "()",
        "{'descr': '<i4'}",
        "{'descr': '<i4', 'fortran_order': False}",
        "{'descr': '<i4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2, -3)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': 2}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6)}",
        "{'descr': '<i4, and more text than any type has', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<i4' 'fortran_order': False, 'shape': (2, 3)}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refuses(headers[i], six, sizeof six, "plain array");
    int64_t shape[2];
    int32_t *values;
    put_file(at("n"), "\x93NUMPX\x01\0\x02\0{}", 12);
    assert_int_equal(read_two(at("n"), shape, &values), SIGMOE_BAD_FORMAT);
    put_file(at("n"), "\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14);
    assert_int_equal(read_two(at("n"), shape, &values), SIGMOE_BAD_FORMAT);
    assert_int_equal(read_two(at("nothing"), shape, &values), SIGMOE_IO);
    assert_int_equal(read_two(scratch, shape, &values), SIGMOE_IO);
}

static void cut_at_every_byte(void **state) {
    (void)state;
    size_t size;
    int64_t shape[2];
    int32_t *values;
    for (int version = 1; version <= 2; version++) {
        put_npy(at("v"), version, SIX_HEADER, six, sizeof six);
        unsigned char *bytes = get_file(at("v"), &size);
        for (size_t cut = 0; cut < size; cut++) {
            put_file(at("cut"), bytes, cut);
            assert_int_equal(read_two(at("cut"), shape, &values), SIGMOE_BAD_FORMAT);
        }
        free(bytes);
    }
}

static void the_allocation_fails(void **state) {
    (void)state;
    int64_t shape[2];
    int32_t *values;
    put_npy(at("v"), 1, SIX_HEADER, six, sizeof six);
    arena_fail_after(0);
    assert_int_equal(read_two(at("v"), shape, &values), SIGMOE_NO_MEMORY);
    arena_fail_after(1);
    assert_int_equal(read_two(at("v"), shape, &values), SIGMOE_OK);
    arena_fail_after(-1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(written_layout),
        cmocka_unit_test(all_versions_and_spellings),
        cmocka_unit_test(wide_values),
        cmocka_unit_test(other_arrays),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(the_allocation_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
