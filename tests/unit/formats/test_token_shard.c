#include "system/scratch.h"
#include "small_disk.h"

#include "formats/token_shard.h"
#include "system/sha256.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 1024 };

// A shard as any other program may have written it.
static void put_shard(const char *path, const int32_t header[3], const void *tokens, size_t size) {
    unsigned char bytes[HEADER + 64] = {0};
    assert_true(size <= 64);
    memcpy(bytes, header, 12);
    memcpy(bytes + HEADER, tokens, size);
    put_file(path, bytes, HEADER + size);
}

static void put_narrow(const char *path, const uint16_t *tokens, int32_t count) {
    put_shard(path, (int32_t[]){20240520, 1, count}, tokens, (size_t)count * 2);
}

static void fresh_directory(void) {
    if (path_exists(at("d"))) assert_int_equal(directory_remove(at("d")), SIGMOE_OK);
    assert_int_equal(directory_make(at("d")), SIGMOE_OK);
}

static void refuses(sigmoe_status code, int64_t vocab_size, const char *part) {
    token_split *split;
    assert_int_equal(token_split_open(at("d"), "train", vocab_size, NULL, &split), code);
    assert_message_has(part);
}

static void write_split(int64_t vocab_size, int64_t shard_tokens, const int32_t *tokens, int64_t count) {
    token_writer *w;
    assert_int_equal(token_writer_open(at("d"), "train", vocab_size, shard_tokens, &w), SIGMOE_OK);
    for (int64_t i = 0; i < count; i += 3) // in pieces that straddle shards
        assert_int_equal(token_writer_add(w, tokens + i, count - i < 3 ? count - i : 3), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
}

static void assert_split(int64_t vocab_size, const int32_t *tokens, int64_t count) {
    token_split *split;
    assert_int_equal(token_split_open(at("d"), "train", vocab_size, NULL, &split), SIGMOE_OK);
    assert_int_equal(token_split_count(split), count);
    for (int64_t first = 0; first <= count; first++) {
        for (int64_t n = 0; n <= count - first; n++) {
            int32_t *out = malloc(((size_t)n + 1) * sizeof *out);
            assert_int_equal(token_split_copy(split, first, n, out), SIGMOE_OK);
            assert_memory_equal(out, tokens + first, (size_t)n * sizeof *out);
            free(out);
        }
    }
    token_split_close(split);
}

static void one_shard(void **state) {
    (void)state;
    const int32_t tokens[7] = {0, 1, 65535, 3, 4, 5, 256};
    fresh_directory();
    write_split(65536, 0, tokens, 7);
    size_t size;
    unsigned char *bytes = get_file(at("d/train.bin"), &size);
    assert_int_equal(size, HEADER + 2 * 7);
    const int32_t header[4] = {20240520, 1, 7, 0};
    assert_memory_equal(bytes, header, sizeof header);
    const unsigned char ids[] = {0, 0, 1, 0, 0xff, 0xff, 3, 0, 4, 0, 5, 0, 0, 1};
    assert_memory_equal(bytes + HEADER, ids, sizeof ids);
    free(bytes);
    assert_split(65536, tokens, 7);
}

static void wide_tokens(void **state) {
    (void)state;
    const int32_t tokens[3] = {65536, 0, INT32_MAX - 1};
    fresh_directory();
    write_split(INT32_MAX, 0, tokens, 3);
    size_t size;
    unsigned char *bytes = get_file(at("d/train.bin"), &size);
    assert_int_equal(size, HEADER + 4 * 3);
    const int32_t header[4] = {20240801, 7, 3, 0};
    assert_memory_equal(bytes, header, sizeof header);
    free(bytes);
    assert_split(INT32_MAX, tokens, 3);
    refuses(SIGMOE_BAD_FORMAT, 65537, "token 2 (at byte 1032) has id 2147483646");
}

static void many_shards(void **state) {
    (void)state;
    int32_t tokens[11];
    for (int i = 0; i < 11; i++) tokens[i] = i;
    fresh_directory();
    write_split(11, 4, tokens, 11);
    assert_true(path_exists(at("d/train_000002.bin")));
    assert_false(path_exists(at("d/train_000003.bin")) || path_exists(at("d/train.bin")));
    assert_split(11, tokens, 11);
    // Exactly full shards need no empty one behind them.
    fresh_directory();
    write_split(11, 4, tokens, 8);
    assert_false(path_exists(at("d/train_000002.bin")));
    assert_split(11, tokens, 8);
    // A stray file in between, of another name, does not matter; a gap does.
    put_text(at("d/train_0000001.bin"), "");
    put_text(at("d/train_000001.bin.partial"), "");
    assert_split(11, tokens, 8);
    put_narrow(at("d/train_000003.bin"), (uint16_t[1]){0}, 0);
    refuses(SIGMOE_BAD_FORMAT, 11, "train_000002.bin is missing");
    put_narrow(at("d/train.bin"), (uint16_t[1]){0}, 0);
    refuses(SIGMOE_BAD_FORMAT, 11, "both train.bin and train_000000.bin");
}

static int files_in(const char *directory) {
    arena *a;
    char **names;
    int count = -1;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    directory_list(directory, a, &names, &count);
    arena_destroy(a);
    return count;
}

static void writing_fails(void **state) {
    (void)state;
    token_writer *w;
    fresh_directory();
    assert_int_equal(token_writer_open(at("d/none"), "train", 5, 0, &w), SIGMOE_IO);
    assert_int_equal(token_writer_open(at("d"), "train", 5, 2, &w), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, (int32_t[]){0, 1, 2, 3, 4}, 5), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, (int32_t[]){5}, 1), SIGMOE_BAD_ARGUMENT);
    assert_message_has("token id 5");
    assert_int_equal(token_writer_add(w, (int32_t[]){-1}, 1), SIGMOE_BAD_ARGUMENT);
    token_writer_abandon(w);
    token_writer_abandon(NULL);
    refuses(SIGMOE_IO, 5, "train.bin is missing");
    assert_int_equal(files_in(at("d")), 0); // no partial file stays
    // A commit that fails at its second shard takes the first back.
    assert_int_equal(token_writer_open(at("d"), "train", 5, 2, &w), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, (int32_t[]){0, 1, 2, 3, 4}, 5), SIGMOE_OK);
    assert_int_equal(directory_make(at("d/train_000001.bin/in the way")), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_IO);
    assert_int_equal(files_in(at("d")), 1); // what was in the way
}

static void a_full_disk(void **state) {
    (void)state;
    const char *disk = disk_make(at("disk"));
    static int32_t tokens[1000];
    disk_leave(disk, 64 << 10);
    token_writer *w;
    sigmoe_status status = token_writer_open(disk, "train", 5, 10000, &w);
    assert_int_equal(status, SIGMOE_OK);
    for (int i = 0; i < 100 && status == SIGMOE_OK; i++) status = token_writer_add(w, tokens, 1000);
    if (status == SIGMOE_OK)
        status = token_writer_commit(w);
    else
        token_writer_abandon(w);
    char message[256];
    snprintf(message, sizeof message, "%s", sigmoe_message());
    int count = files_in(disk);
    disk_empty();
    assert_int_equal(status, SIGMOE_IO);
    assert_non_null(strstr(message, "No space left"));
    assert_int_equal(count, 0);
}

static void bad_shards(void **state) {
    (void)state;
    const uint16_t tokens[4] = {0, 1, 2, 3};
    fresh_directory();
    refuses(SIGMOE_IO, 4, "train.bin is missing");
    put_shard(at("d/train.bin"), (int32_t[]){20240521, 1, 4}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "magic 20240521, version 1");
    put_shard(at("d/train.bin"), (int32_t[]){20240520, 7, 4}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "no token shard");
    put_shard(at("d/train.bin"), (int32_t[]){20240801, 1, 2}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "no token shard");
    put_shard(at("d/train.bin"), (int32_t[]){20240520, 1, 5}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "counts 5 tokens of 2 bytes, the file holds 8 bytes");
    put_shard(at("d/train.bin"), (int32_t[]){20240520, 1, 3}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "counts 3");
    put_shard(at("d/train.bin"), (int32_t[]){20240520, 1, 3}, tokens, 7);
    refuses(SIGMOE_BAD_FORMAT, 4, "counts 3");
    put_shard(at("d/train.bin"), (int32_t[]){20240520, 1, -4}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "counts -4");
    put_shard(at("d/train.bin"), (int32_t[]){20240801, 7, INT32_MAX}, tokens, 8);
    refuses(SIGMOE_BAD_FORMAT, 4, "counts 2147483647 tokens of 4 bytes");
    put_narrow(at("d/train.bin"), tokens, 4);
    refuses(SIGMOE_BAD_FORMAT, 3, "token 3 (at byte 1030) has id 3; the vocabulary has 3");
    put_shard(at("d/train.bin"), (int32_t[]){20240801, 7, 1}, (int32_t[]){-1}, 4);
    refuses(SIGMOE_BAD_FORMAT, 4, "has id 4294967295");
    put_narrow(at("d/train.bin"), tokens, 0);
    refuses(SIGMOE_BAD_FORMAT, 4, "the split train has no tokens");
    put_text(at("d/train.bin"), "");
    refuses(SIGMOE_BAD_FORMAT, 4, "with 0 bytes it is too short");
}

static void cut_at_every_byte(void **state) {
    (void)state;
    const uint16_t tokens[4] = {0, 1, 2, 3};
    fresh_directory();
    put_narrow(at("d/train.bin"), tokens, 4);
    size_t size;
    unsigned char *bytes = get_file(at("d/train.bin"), &size);
    for (size_t cut = 0; cut < size; cut++) {
        put_file(at("d/train.bin"), bytes, cut);
        refuses(SIGMOE_BAD_FORMAT, 4, "train.bin");
    }
    free(bytes);
}

// Writes into a file that stays the same file.
static void overwrite(const char *path, long offset, const void *bytes, size_t size) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

// What another process does to the shards of a split in use is an error, never the end of this one.
static void changed_while_open(void **state) {
    (void)state;
    const int32_t tokens[6] = {0, 1, 2, 3, 4, 5};
    int32_t out[6];
    token_split *split;
    fresh_directory();
    write_split(6, 3, tokens, 6);
    assert_int_equal(token_split_open(at("d"), "train", 6, NULL, &split), SIGMOE_OK);
    overwrite(at("d/train_000001.bin"), HEADER + 2, "\xff\xff", 2);
    assert_int_equal(token_split_copy(split, 0, 3, out), SIGMOE_OK);
    assert_int_equal(token_split_copy(split, 2, 3, out), SIGMOE_BAD_FORMAT);
    assert_message_has("train_000001.bin: token 1 (at byte 1026) has id 65535; the vocabulary has 6");
    overwrite(at("d/train_000001.bin"), HEADER + 2, "\0\0", 2); // an id that could be one
    assert_int_equal(token_split_copy(split, 2, 3, out), SIGMOE_BAD_FORMAT);
    assert_message_has("train_000001.bin was changed while it was in use");
    assert_int_equal(
        token_split_copy(split, 5, 1, out), SIGMOE_BAD_FORMAT);   // no matter which tokens are read
    overwrite(at("d/train_000001.bin"), HEADER + 2, "\x04\0", 2); // the former bytes, a later date
    assert_int_equal(token_split_copy(split, 0, 6, out), SIGMOE_OK);
    assert_memory_equal(out, tokens, sizeof out);
    assert_int_equal(chmod(at("d/train_000001.bin"), 0600), 0);
    assert_int_equal(token_split_copy(split, 0, 6, out), SIGMOE_OK);
    assert_int_equal(truncate(at("d/train_000001.bin"), HEADER + 3), 0);
    assert_int_equal(token_split_copy(split, 0, 3, out), SIGMOE_OK);
    assert_int_equal(token_split_copy(split, 5, 1, out), SIGMOE_BAD_FORMAT);
    assert_message_has("train_000001.bin ends at byte 1028: it was cut short");
    assert_int_equal(truncate(at("d/train_000001.bin"), 0), 0);
    assert_int_equal(token_split_copy(split, 3, 1, out), SIGMOE_BAD_FORMAT);
    // Another file under the name is none of this split's business.
    assert_int_equal(unlink(at("d/train_000000.bin")), 0);
    put_text(at("d/train_000000.bin"), "");
    assert_int_equal(token_split_copy(split, 0, 3, out), SIGMOE_OK);
    assert_memory_equal(out, tokens, 3 * sizeof *out);
    token_split_close(split);
}

static sigmoe_status open_with(const split_claims *claims) {
    token_split *split;
    sigmoe_status status = token_split_open(at("d"), "train", 6, claims, &split);
    if (status == SIGMOE_OK) token_split_close(split);
    return status;
}

// Of each byte of each shard, one bit changed is noticed, where the layout alone would not notice it.
static void claims_about_a_split(void **state) {
    (void)state;
    const int32_t tokens[6] = {0, 1, 2, 3, 4, 5};
    char sums[2][SHA256_HEX];
    const char *const said[] = {sums[0], sums[1]};
    fresh_directory();
    write_split(6, 3, tokens, 6);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            sha256_file(at(i ? "d/train_000001.bin" : "d/train_000000.bin"), sums[i]), SIGMOE_OK);
    assert_int_equal(open_with(NULL), SIGMOE_OK);
    assert_int_equal(open_with(&(split_claims){.tokens = -1}), SIGMOE_OK);
    assert_int_equal(open_with(&(split_claims){6, 2, said}), SIGMOE_OK);
    assert_int_equal(open_with(&(split_claims){5, 2, said}), SIGMOE_BAD_FORMAT);
    assert_message_has("the shards of split train hold 6 tokens, but meta.json says 5");
    assert_int_equal(open_with(&(split_claims){6, 1, said}), SIGMOE_BAD_FORMAT);
    assert_message_has("has 2 shards, but meta.json has the sums of 1");
    const char *const swapped[] = {sums[1], sums[0]};
    assert_int_equal(open_with(&(split_claims){6, 2, swapped}), SIGMOE_BAD_FORMAT);
    assert_message_has("train_000000.bin is damaged, or of other data");
    size_t size;
    unsigned char *bytes = get_file(at("d/train_000001.bin"), &size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        put_file(at("d/train_000001.bin"), bytes, size);
        assert_int_equal(open_with(&(split_claims){6, 2, said}), SIGMOE_BAD_FORMAT);
        assert_message_has("train_000001.bin");
        bytes[i] ^= 1;
    }
    free(bytes);
}

// The count is compared before any id is read.
static void counts_before_ids(void **state) {
    (void)state;
    fresh_directory();
    put_narrow(at("d/train.bin"), (uint16_t[]){0, 1, 9}, 3);
    assert_int_equal(open_with(&(split_claims){.tokens = 4}), SIGMOE_BAD_FORMAT);
    assert_message_has("hold 3 tokens, but meta.json says 4");
    assert_int_equal(open_with(&(split_claims){.tokens = 3}), SIGMOE_BAD_FORMAT);
    assert_message_has("has id 9");
}

// All shards stay open; the soft limit of open files is there to be raised.
static void more_shards_than_open_files(void **state) {
    (void)state;
    enum { SHARDS = 80 };
    int32_t tokens[SHARDS];
    for (int i = 0; i < SHARDS; i++) tokens[i] = i;
    struct rlimit before, few;
    fresh_directory();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = SHARDS / 2, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    write_split(SHARDS, 1, tokens, SHARDS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_split(SHARDS, tokens, SHARDS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

// More than is read at a time.
static void long_copies(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    int32_t *tokens = malloc(COUNT * sizeof *tokens), *out = malloc(COUNT * sizeof *out);
    assert_true(tokens && out);
    token_split *split;
    const int64_t vocab_sizes[] = {60000, 200000}; // narrow, wide
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < COUNT; i++) tokens[i] = (int32_t)(INT64_C(7919) * i % vocab_sizes[k]);
        fresh_directory();
        write_split(vocab_sizes[k], 70000, tokens, COUNT);
        assert_int_equal(token_split_open(at("d"), "train", vocab_sizes[k], NULL, &split), SIGMOE_OK);
        for (int64_t first = 0; first < COUNT; first += 33333) {
            assert_int_equal(token_split_copy(split, first, COUNT - first, out), SIGMOE_OK);
            assert_memory_equal(out, tokens + first, (size_t)(COUNT - first) * sizeof *out);
        }
        token_split_close(split);
    }
    free(tokens);
    free(out);
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const int32_t tokens[5] = {0, 1, 2, 3, 4};
    fresh_directory();
    write_split(5, 2, tokens, 5);
    token_split *split;
    token_writer *w;
    sigmoe_status status;
    int64_t failures = 0;
    do {
        arena_fail_after(failures);
        status = token_split_open(at("d"), "train", 5, NULL, &split);
        failures += status != SIGMOE_OK;
    } while (status == SIGMOE_NO_MEMORY);
    arena_fail_after(-1);
    assert_int_equal(status, SIGMOE_OK);
    assert_true(failures > 6);
    token_split_close(split);
    failures = 0;
    do {
        arena_fail_after(failures);
        status = token_writer_open(at("d"), "test", 5, 2, &w);
        failures += status != SIGMOE_OK;
    } while (status == SIGMOE_NO_MEMORY);
    assert_int_equal(failures, 3); // arena, writer, shard
    arena_fail_after(0);
    assert_int_equal(token_writer_add(w, tokens, 5), SIGMOE_NO_MEMORY); // the second shard
    arena_fail_after(-1);
    token_writer_abandon(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_shard),
        cmocka_unit_test(wide_tokens),
        cmocka_unit_test(many_shards),
        cmocka_unit_test(writing_fails),
        cmocka_unit_test(bad_shards),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(changed_while_open),
        cmocka_unit_test(claims_about_a_split),
        cmocka_unit_test(counts_before_ids),
        cmocka_unit_test(more_shards_than_open_files),
        cmocka_unit_test(long_copies),
        cmocka_unit_test(every_allocation_fails_once),
        // Last: from there on the system calls of this process are slower.
        cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
