#include "system/scratch.h"

#include "formats/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <unistd.h>

// A file with this header and `data_size` bytes of data 0, 1, 2, ...
static void put_tensors(const char *path, const char *header, size_t data_size) {
    size_t length = strlen(header), size = 8 + length + data_size;
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> 8 * i);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_size; i++) bytes[8 + length + i] = (unsigned char)i;
    put_file(path, bytes, size);
    free(bytes);
}

static void refuses(const char *header, size_t data_size, const char *part) {
    safetensors_file *file;
    put_tensors(at("bad.safetensors"), header, data_size);
    assert_int_equal(safetensors_open(at("bad.safetensors"), 6, &file), SIGMOE_BAD_FORMAT);
    assert_message_has("bad.safetensors");
    assert_message_has(part);
}

#define TENSOR(tensor, kind, values, rank, ...)                                                              \
    {.name = (tensor), .type = (kind), .dims = (rank), .shape = {__VA_ARGS__}, .bytes = (values)}

static void put_sample(const char *path) {
    const float weights[6] = {1.5f, -2.0f, NAN, INFINITY, -0.0f, 3e-39f};
    const int32_t table[3] = {INT32_MIN, 0, INT32_MAX};
    const double loss[1] = {0.1};
    const int64_t step[1] = {INT64_MAX};
    const uint16_t rounded[2] = {0x3fc0, 0xc000}; // 1.5, -2
    const tensor_to_write tensors[] = {
        TENSOR("w", TENSOR_F32, weights, 2, 2, 3),
        TENSOR("h", TENSOR_BF16, rounded, 1, 2),
        TENSOR("none", TENSOR_F32, NULL, 2, 0, 5),
        TENSOR("table", TENSOR_I32, table, 1, 3),
        TENSOR("loss", TENSOR_F64, loss, 0, 0),
        TENSOR("step", TENSOR_I64, step, 1, 1),
    };
    assert_int_equal(safetensors_write(path, tensors, 6), SIGMOE_OK);
}

static void round_trip(void **state) {
    (void)state;
    safetensors_file *file;
    put_sample(at("s"));
    assert_int_equal(safetensors_open(at("s"), 6, &file), SIGMOE_OK);
    assert_int_equal(safetensors_count(file), 6);
    assert_string_equal(safetensors_at(file, 0)->name, "w");
    assert_null(safetensors_find(file, "x"));
    float w[6];
    assert_int_equal(safetensors_read_f32(file, "w", 2, (int64_t[]){2, 3}, w), SIGMOE_OK);
    assert_true(
        w[0] == 1.5f && w[1] == -2.0f && isnan(w[2]) && isinf(w[3]) && signbit(w[4]) && w[5] == 3e-39f);
    assert_int_equal(safetensors_read_f32(file, "h", 1, (int64_t[]){2}, w), SIGMOE_OK);
    assert_true(w[0] == 1.5f && w[1] == -2.0f);
    assert_int_equal(
        safetensors_read_range(file, "h", 1, (int64_t[]){2}, (tensor_range){1, 1}, w), SIGMOE_OK);
    assert_true(w[0] == -2.0f && w[1] == -2.0f);
    const tensor_range middle = {3, 2};
    assert_int_equal(safetensors_read_range(file, "w", 2, (int64_t[]){2, 3}, middle, w), SIGMOE_OK);
    assert_true(isinf(w[0]) && w[1] == 0 && signbit(w[1]) && isnan(w[2]));
    assert_int_equal(safetensors_read_f32(file, "none", 2, (int64_t[]){0, 5}, w), SIGMOE_OK);
    int32_t table[3];
    assert_int_equal(safetensors_read_i32(file, "table", 1, (int64_t[]){3}, table), SIGMOE_OK);
    assert_true(table[0] == INT32_MIN && table[2] == INT32_MAX);
    const stored_tensor *loss = safetensors_find(file, "loss"), *step = safetensors_find(file, "step");
    double value;
    int64_t count;
    assert_int_equal(safetensors_read(loss, &value), SIGMOE_OK);
    assert_int_equal(safetensors_read(step, &count), SIGMOE_OK);
    assert_true(loss->dims == 0 && loss->count == 1 && value == 0.1);
    assert_true(step->type == TENSOR_I64 && count == INT64_MAX);
    safetensors_close(file);
    safetensors_close(NULL);
}

// A mapping would end in SIGBUS.
static void a_file_that_is_cut_while_it_is_read_is_an_error(void **state) {
    (void)state;
    safetensors_file *file;
    float w[6];
    int32_t table[3];
    put_sample(at("cut"));
    assert_int_equal(safetensors_open(at("cut"), 6, &file), SIGMOE_OK);
    const stored_tensor *stored = safetensors_find(file, "w");
    assert_int_equal(truncate(at("cut"), stored->offset + 8), 0);
    assert_int_equal(safetensors_read_f32(file, "w", 2, (int64_t[]){2, 3}, w), SIGMOE_BAD_FORMAT);
    assert_message_has("tensor \"w\": ");
    assert_message_has("cut short while it was read");
    assert_int_equal(safetensors_read_f32(file, "h", 1, (int64_t[]){2}, w), SIGMOE_BAD_FORMAT);
    assert_int_equal(safetensors_read_i32(file, "table", 1, (int64_t[]){3}, table), SIGMOE_BAD_FORMAT);
    safetensors_close(file);
}

static void wrong_requests(void **state) {
    (void)state;
    safetensors_file *file;
    float w[6];
    int32_t table[6];
    put_sample(at("s"));
    assert_int_equal(safetensors_open(at("s"), 6, &file), SIGMOE_OK);
    assert_int_equal(safetensors_check(file, "w", TENSOR_F32, 2, (int64_t[]){2, 3}), SIGMOE_OK);
    assert_int_equal(safetensors_check(file, "h", TENSOR_F32, 1, (int64_t[]){2}), SIGMOE_OK); // widened
    assert_int_equal(safetensors_check(file, "table", TENSOR_I32, 1, (int64_t[]){3}), SIGMOE_OK);
    assert_int_equal(safetensors_check(file, "v", TENSOR_F32, 1, (int64_t[]){1}), SIGMOE_BAD_FORMAT);
    assert_int_equal(safetensors_check(file, "w", TENSOR_F32, 1, (int64_t[]){6}), SIGMOE_BAD_FORMAT);
    assert_int_equal(safetensors_check(file, "w", TENSOR_I32, 2, (int64_t[]){2, 3}), SIGMOE_BAD_FORMAT);
    assert_int_equal(safetensors_read_f32(file, "v", 1, (int64_t[]){1}, w), SIGMOE_BAD_FORMAT);
    assert_message_has("tensor \"v\" is missing");
    assert_int_equal(safetensors_read_f32(file, "w", 2, (int64_t[]){3, 2}, w), SIGMOE_BAD_FORMAT);
    assert_message_has("tensor \"w\" has shape [2, 3] where [3, 2] is needed");
    assert_int_equal(safetensors_read_f32(file, "w", 1, (int64_t[]){6}, w), SIGMOE_BAD_FORMAT);
    assert_int_equal(safetensors_read_f32(file, "table", 1, (int64_t[]){3}, w), SIGMOE_BAD_FORMAT);
    assert_message_has("is I32 where F32 or BF16 is needed");
    assert_int_equal(safetensors_read_i32(file, "w", 2, (int64_t[]){2, 3}, table), SIGMOE_BAD_FORMAT);
    assert_message_has("is F32 where I32 is needed");
    safetensors_close(file);
}

static void wrong_writes(void **state) {
    (void)state;
    const float w[2] = {0};
    const tensor_to_write twice[] = {TENSOR("w", TENSOR_F32, w, 1, 2), TENSOR("w", TENSOR_F32, w, 1, 2)};
    assert_int_equal(safetensors_write(at("t"), twice, 2), SIGMOE_BAD_ARGUMENT);
    const tensor_to_write huge = TENSOR("w", TENSOR_F32, w, 2, INT64_MAX, 4);
    assert_int_equal(safetensors_write(at("t"), &huge, 1), SIGMOE_BAD_ARGUMENT);
    assert_false(path_exists(at("t")));
    const tensor_to_write good = TENSOR("w", TENSOR_F32, w, 1, 2);
    assert_int_equal(safetensors_write(at("nowhere/t"), &good, 1), SIGMOE_IO);
}

// What is brought is the same as what is there.
static sigmoe_status bring(const void *source, const void **bytes) {
    static float one_at_a_time[2];
    memcpy(one_at_a_time, source, sizeof one_at_a_time);
    *bytes = one_at_a_time;
    return SIGMOE_OK;
}

static sigmoe_status bring_nothing(const void *source, const void **bytes) {
    (void)source;
    (void)bytes;
    return (fail)(SIGMOE_IO, "there is nothing");
}

static void brought(void **state) {
    (void)state;
    const float first[2] = {1, 2}, second[2] = {3, 4};
    float read[2];
    safetensors_file *file;
    tensor_to_write tensors[] = {TENSOR("a", TENSOR_F32, NULL, 1, 2), TENSOR("b", TENSOR_F32, NULL, 1, 2)};
    tensors[0].bring = tensors[1].bring = bring;
    tensors[0].source = first;
    tensors[1].source = second;
    assert_int_equal(safetensors_write(at("brought"), tensors, 2), SIGMOE_OK);
    assert_int_equal(safetensors_open(at("brought"), 2, &file), SIGMOE_OK);
    assert_int_equal(safetensors_read_f32(file, "b", 1, (int64_t[]){2}, read), SIGMOE_OK);
    assert_memory_equal(read, second, sizeof read);
    assert_int_equal(safetensors_read_f32(file, "a", 1, (int64_t[]){2}, read), SIGMOE_OK);
    assert_memory_equal(read, first, sizeof read);
    safetensors_close(file);
    tensors[1].bring = bring_nothing;
    assert_int_equal(safetensors_write(at("not_brought"), tensors, 2), SIGMOE_IO);
    assert_false(path_exists(at("not_brought")));
}

static int allocations_left = -1;

static void *scarce(size_t size) {
    return allocations_left >= 0 && allocations_left-- == 0 ? NULL : malloc(size);
}

// Whichever allocation of the header fails: the file is whole, or is not there.
static void without_memory_for_the_header(void **state) {
    (void)state;
    enum { MOST = 1000 };
    const float w[6] = {0};
    const tensor_to_write tensors[] = {
        TENSOR("w", TENSOR_F32, w, 2, 2, 3), TENSOR("v", TENSOR_F32, w, 3, 1, 1, 1)};
    int allocations = 0;
    sigmoe_status status = SIGMOE_NO_MEMORY;
    json_set_alloc_funcs(scarce, free);
    for (; status != SIGMOE_OK && allocations < MOST; allocations++) {
        allocations_left = allocations;
        status = safetensors_write(at("scarce"), tensors, 2);
        assert_int_equal(path_exists(at("scarce")), status == SIGMOE_OK);
    }
    allocations_left = -1;
    json_set_alloc_funcs(malloc, free);
    assert_in_range(allocations, 20, MOST - 1);
    safetensors_file *file;
    assert_int_equal(safetensors_open(at("scarce"), 2, &file), SIGMOE_OK);
    assert_int_equal(safetensors_check(file, "v", TENSOR_F32, 3, (int64_t[]){1, 1, 1}), SIGMOE_OK);
    safetensors_close(file);
}

static void bad_headers(void **state) {
    (void)state;
    refuses("", 0, "does not begin with a brace");
    refuses("[]", 0, "does not begin with a brace");
    refuses(" {}", 0, "does not begin with a brace");
    refuses("\xef\xbb\xbf{}", 0, "does not begin with a brace");
    refuses("{", 0, "column");
    refuses("{\"__metadata__\": 5}", 0, "must be an object of texts");
    refuses("{\"__metadata__\": {\"format\": [\"pt\"]}}", 0, "must be an object of texts");
    refuses("{\"w\": 5}", 0, "tensor \"w\": its dtype is missing");
    refuses("{\"w\": {\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "its dtype is F16");
    refuses("{\"w\": {\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "its shape is missing");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "dimension 0");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "dimension 0");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
        "9 dimensions");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets are not two integers");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "not two integers");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", 4, "not two integers");
    refuses("{\"w\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            "\"w\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
        8, "duplicate");
}

// Parsed, a header may take a hundred times its bytes.
static void headers_of_many_values(void **state) {
    (void)state;
    enum { ENTRIES = 5000 };
    char *header = malloc(3 * ENTRIES + 16);
    assert_non_null(header);
    strcpy(header, "{\"a\":[");
    for (int i = 0; i < ENTRIES; i++) strcat(header + 6 + 3 * (size_t)(i ? i - 1 : 0), "{},");
    strcpy(header + 6 + 3 * ENTRIES, "{}]}");
    refuses(header, 0, "more than 4192 JSON values"); // 6 tensors are expected
    free(header);
}

static void bad_sizes(void **state) {
    (void)state;
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "lie outside");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "lie outside");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "lie outside");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "lie outside");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}", 4,
        "lie outside");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "give it 4 bytes");
    refuses("{\"w\": {\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "give it 4 bytes");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
        "too many");
    // 2^62 elements of 4 bytes would wrap to 0.
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
        "give it 0");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
        "behind its last tensor, for 1 byte");
    refuses("{}", 1, "behind its last tensor, for 1 byte");
    refuses("{\"w\": {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "belong to no tensor");
    refuses("{\"v\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            "\"w\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
        12, "overlap");
}

static void bad_prefixes(void **state) {
    (void)state;
    safetensors_file *file;
    put_file(at("p"), "\x02\0\0\0\0\0\0", 7);
    assert_int_equal(safetensors_open(at("p"), 6, &file), SIGMOE_BAD_FORMAT);
    put_file(at("p"), "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    assert_int_equal(safetensors_open(at("p"), 6, &file), SIGMOE_BAD_FORMAT);
    put_file(at("p"), "\x01\xe1\xf5\x05\0\0\0\0{}", 10); // 100,000,001
    assert_int_equal(safetensors_open(at("p"), 6, &file), SIGMOE_BAD_FORMAT);
    assert_message_has("no safetensors file");
    put_file(at("p"), "\x03\0\0\0\0\0\0\0{}", 10);
    assert_int_equal(safetensors_open(at("p"), 6, &file), SIGMOE_BAD_FORMAT);
    assert_message_has("cut short");
}

// The format's own reader takes these; so must this one. The odd offsets are unaligned on purpose.
static void unusual_but_right(void **state) {
    (void)state;
    safetensors_file *file;
    put_tensors(at("u"),
        "{\"__metadata__\":{\"format\":\"pt\"}, "
        "\"z\":{\"data_offsets\":[0,0],\"dtype\":\"I32\",\"shape\":[0]},"
        "\"b\":{\"shape\":[1],\"dtype\":\"BF16\",\"data_offsets\":[0,2]},"
        "\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[2,6]}}  ",
        6);
    assert_int_equal(safetensors_open(at("u"), 6, &file), SIGMOE_OK);
    assert_int_equal(safetensors_count(file), 3);
    int32_t value;
    float wide;
    assert_int_equal(safetensors_read_i32(file, "a", 0, NULL, &value), SIGMOE_OK);
    assert_int_equal(value, 0x05040302);
    assert_int_equal(safetensors_read_f32(file, "b", 1, (int64_t[]){1}, &wide), SIGMOE_OK);
    safetensors_close(file);
}

static void cut_at_every_byte(void **state) {
    (void)state;
    size_t size;
    safetensors_file *file;
    put_sample(at("s"));
    unsigned char *bytes = get_file(at("s"), &size);
    for (size_t cut = 0; cut < size; cut++) {
        put_file(at("cut"), bytes, cut);
        assert_int_equal(safetensors_open(at("cut"), 6, &file), SIGMOE_BAD_FORMAT);
    }
    free(bytes);
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    safetensors_file *file;
    put_sample(at("s"));
    sigmoe_status status;
    int64_t failures = 0;
    do {
        arena_fail_after(failures);
        status = safetensors_open(at("s"), 6, &file);
        failures += status != SIGMOE_OK;
    } while (status == SIGMOE_NO_MEMORY);
    arena_fail_after(-1);
    assert_int_equal(status, SIGMOE_OK);
    assert_true(failures >= 9); // arena, struct, path, tensors, names
    safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(a_file_that_is_cut_while_it_is_read_is_an_error),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(wrong_writes),
        cmocka_unit_test(brought),
        cmocka_unit_test(without_memory_for_the_header),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(headers_of_many_values),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(bad_prefixes),
        cmocka_unit_test(unusual_but_right),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
