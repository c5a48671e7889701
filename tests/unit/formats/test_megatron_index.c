#include "system/scratch.h"

#include "formats/megatron_index.h"

#include <stdlib.h>

static arena *memory;

static int setup(void **state) {
    return scratch_setup(state) || arena_create("test", &memory) != SIGMOE_OK;
}
static int teardown(void **state) {
    arena_destroy(memory);
    return scratch_teardown(state);
}

// Three sequences of 2, 0 and 3 tokens of two bytes, in two documents: the first two sequences, and the third.
enum { SIZE = 34 + 3 * 12 + 3 * 8, LENGTHS = 34, OFFSETS = 46, BORDERS = 70 };
static unsigned char sample[SIZE];

static void put_number(size_t at_byte, size_t width, int64_t value) {
    for (size_t i = 0; i < width; i++) sample[at_byte + i] = (unsigned char)((uint64_t)value >> 8 * i);
}

static void make_sample(void) {
    static const int64_t lengths[] = {2, 0, 3}, offsets[] = {0, 4, 4}, borders[] = {0, 2, 3};
    memset(sample, 0, sizeof sample);
    memcpy(sample, "MMIDIDX", 7);
    put_number(9, 8, 1);
    put_number(17, 1, MEGATRON_U16);
    put_number(18, 8, 3);
    put_number(26, 8, 3);
    for (size_t i = 0; i < 3; i++) {
        put_number(LENGTHS + 4 * i, 4, lengths[i]);
        put_number(OFFSETS + 8 * i, 8, offsets[i]);
        put_number(BORDERS + 8 * i, 8, borders[i]);
    }
}

static sigmoe_status read_sample(size_t size, size_t bytes_of_tokens, megatron_index *index) {
    static const unsigned char tokens[16];
    put_file(at("d.idx"), sample, size);
    put_file(at("d.bin"), tokens, bytes_of_tokens);
    return megatron_read_index(at("d"), memory, index);
}

static void reads_documents(void **state) {
    (void)state;
    megatron_index index;
    make_sample();
    assert_int_equal(read_sample(SIZE, 10, &index), SIGMOE_OK);
    assert_int_equal(index.type, MEGATRON_U16);
    assert_int_equal(index.tokens, 5);
    assert_int_equal(index.documents, 2);
    assert_true(index.ends[0] == 2 && index.ends[1] == 5);
}

static void writes_one_document(void **state) {
    (void)state;
    megatron_index index;
    static const unsigned char tokens[12];
    assert_int_equal(megatron_write_index(at("w"), MEGATRON_I32, 3), SIGMOE_OK);
    put_file(at("w.bin"), tokens, 12);
    assert_int_equal(megatron_read_index(at("w"), memory, &index), SIGMOE_OK);
    assert_true(
        index.type == MEGATRON_I32 && index.tokens == 3 && index.documents == 1 && index.ends[0] == 3);
    assert_int_equal(megatron_write_index(at("w"), MEGATRON_I32, (int64_t)1 << 31), SIGMOE_BAD_ARGUMENT);
}

static void refuses(size_t at_byte, size_t width, int64_t value, const char *part) {
    megatron_index index;
    make_sample();
    put_number(at_byte, width, value);
    assert_int_equal(read_sample(SIZE, 10, &index), SIGMOE_BAD_FORMAT);
    assert_message_has("d.idx");
    assert_message_has(part);
}

static void refuses_what_is_wrong(void **state) {
    (void)state;
    refuses(0, 1, 'm', "MMIDIDX");
    refuses(8, 1, 1, "MMIDIDX");
    refuses(9, 8, 2, "version at offset 9 is 2");
    refuses(17, 1, 5, "type at offset 17 is 5");
    refuses(18, 8, 0, "sequences at offset 18 is 0");
    refuses(18, 8, -1, "sequences at offset 18 is -1");
    refuses(18, 8, 4, "borders at offset 26");
    refuses(18, 8, INT64_MAX, "sequences at offset 18");
    refuses(26, 8, 2, "borders at offset 26 is 2");
    refuses(26, 8, INT64_MIN, "borders at offset 26");
    refuses(26, 8, (int64_t)1 << 61, "borders at offset 26");
    refuses(LENGTHS, 4, -1, "sequence 0 at offset 34 is -1");
    refuses(LENGTHS, 4, 1, "sequence 1 begins at byte 4 of the tokens (offset 54)");
    refuses(OFFSETS, 8, 2, "sequence 0 begins at byte 2 of the tokens (offset 46)");
    refuses(BORDERS, 8, 1, "first document begins with sequence 1 (offset 70)");
    refuses(BORDERS + 8, 8, -1, "document 0 ends before sequence -1 (offset 78)");
    refuses(BORDERS + 8, 8, 4, "document 0 ends before sequence 4");
    refuses(BORDERS + 16, 8, 2, "all of which the documents must cover");
}

static void refuses_other_sizes(void **state) {
    (void)state;
    megatron_index index;
    make_sample();
    for (size_t size = 0; size < SIZE; size++)
        assert_int_equal(read_sample(size, 10, &index), SIGMOE_BAD_FORMAT);
    assert_int_equal(read_sample(SIZE, 8, &index), SIGMOE_BAD_FORMAT);
    assert_message_has("d.bin has 8 bytes, but its index describes 10");
    assert_int_equal(read_sample(SIZE, 11, &index), SIGMOE_BAD_FORMAT);
    remove(at("d.bin"));
    assert_int_equal(megatron_read_index(at("d"), memory, &index), SIGMOE_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_documents),
        cmocka_unit_test(writes_one_document),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(refuses_other_sizes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
