#include "system/scratch.h"

#include "formats/shard_cache.h"
#include "formats/token_shard.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int setup(void **state) {
    if (scratch_setup(state) != 0) return -1;
    return setenv("XDG_CACHE_HOME", at("cache"), 1);
}

static const file_state old = {
    .device = 1, .inode = 2, .size = SHARD_CACHE_LEAST, .modified = 3, .changed = 4};
static const shard_content content = {
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 299};

static void assert_found(const file_state *s, bool found) {
    shard_content c;
    assert_int_equal(shard_cache_find(s, &c), found);
    if (!found) return;
    assert_string_equal(c.sha256, content.sha256);
    assert_int_equal(c.highest, content.highest);
}

// The only file of the cache.
static const char *only_file(void) {
    arena *a;
    char **names;
    int count;
    static char path[PATH_CAPACITY];
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(at("cache/sigmoe/shards"), a, &names, &count), SIGMOE_OK);
    assert_int_equal(count, 1);
    snprintf(path, sizeof path, "%s/%s", at("cache/sigmoe/shards"), names[0]);
    arena_destroy(a);
    return path;
}

static void forget(void) {
    if (path_exists(at("cache"))) assert_int_equal(directory_remove(at("cache")), SIGMOE_OK);
}

static void only_the_same_state_is_found(void **state) {
    (void)state;
    forget();
    assert_found(&old, false);
    shard_cache_keep(&old, &content);
    assert_found(&old, true);
    file_state others[5] = {old, old, old, old, old};
    others[0].device++;
    others[1].inode++;
    others[2].size++;
    others[3].modified++;
    others[4].changed++;
    for (int i = 0; i < 5; i++) assert_found(&others[i], false);
    shard_cache_keep(&others[4], &content); // takes the place of what is out of date
    assert_found(&others[4], true);
    assert_found(&old, false);
    only_file();
}

// No byte of the file can change what is known: then it is not known.
static void damaged_files_are_nothing(void **state) {
    (void)state;
    size_t size;
    forget();
    shard_cache_keep(&old, &content);
    const char *path = only_file();
    unsigned char *bytes = get_file(path, &size);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            put_file(path, bytes, size);
            assert_found(&old, false);
            bytes[i] ^= (unsigned char)(1 << bit);
        }
        put_file(path, bytes, i);
        assert_found(&old, false);
    }
    put_file(path, bytes, size);
    assert_found(&old, true);
    assert_int_equal(chmod(path, 0666), 0); // anybody's
    assert_found(&old, false);
    free(bytes);
}

static void what_is_not_kept(void **state) {
    (void)state;
    struct timespec now;
    forget();
    clock_gettime(CLOCK_REALTIME, &now);
    file_state fresh = old, small = old;
    fresh.changed = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    small.size--;
    shard_cache_keep(&fresh, &content);
    shard_cache_keep(&small, &content);
    assert_false(path_exists(at("cache")));
}

// A cache that cannot be, or be written, is no failure, and leaves the sentence of one before alone.
static void without_a_cache(void **state) {
    (void)state;
    forget();
    char before[MESSAGE_CAPACITY], sha256[SHA256_HEX];
    assert_int_equal(sha256_file(at("none"), sha256), SIGMOE_IO);
    snprintf(before, sizeof before, "%s", sigmoe_message());
    put_text(at("file"), "");
    const char *const places[] = {"relative", "", "/proc/none", at("file")};
    setenv("HOME", "", 1);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        setenv("XDG_CACHE_HOME", places[i], 1);
        shard_cache_keep(&old, &content);
        assert_found(&old, false);
        assert_string_equal(sigmoe_message(), before);
    }
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", at("home"), 1);
    shard_cache_keep(&old, &content);
    assert_found(&old, true);
    assert_true(path_exists(at("home/.cache/sigmoe/shards")));
    setenv("XDG_CACHE_HOME", at("cache"), 1);
}

// What is known of a shard is believed when it is opened, though not when it is verified, which also corrects it.
static void a_large_shard(void **state) {
    (void)state;
    enum { TOKENS = SHARD_CACHE_LEAST / 2, BLOCK = 1 << 12 };
    static const int32_t zeros[BLOCK];
    token_writer *w;
    token_split *split;
    forget();
    assert_int_equal(directory_make(at("d")), SIGMOE_OK);
    assert_int_equal(token_writer_open(at("d"), "train", 5, 0, &w), SIGMOE_OK);
    for (int i = 0; i < TOKENS / BLOCK; i++) assert_int_equal(token_writer_add(w, zeros, BLOCK), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
    file_state s;
    int descriptor;
    int64_t size;
    do { // until it counts as settled
        assert_int_equal(file_open(at("d/train.bin"), &descriptor, &size), SIGMOE_OK);
        assert_int_equal(file_state_of(descriptor, "d", &s), SIGMOE_OK);
        close(descriptor);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    } while (!file_state_is_settled(&s));

    assert_int_equal(token_split_open(at("d"), "train", 5, NULL, &split), SIGMOE_OK);
    char sha256[SHA256_HEX];
    assert_int_equal(sha256_file(at("d/train.bin"), sha256), SIGMOE_OK);
    assert_string_equal(token_split_sha256(split, 0), sha256);
    token_split_close(split);
    shard_content c;
    assert_true(shard_cache_find(&s, &c));
    assert_string_equal(c.sha256, sha256);
    assert_int_equal(c.highest, 0);

    shard_cache_keep(&s, &content); // an error of the cache, or of the disk
    const split_claims claims = {TOKENS, 1, (const char *const[]){content.sha256}};
    assert_int_equal(token_split_open(at("d"), "train", 300, &claims, &split), SIGMOE_OK);
    assert_int_equal(token_split_verify(split, NULL), SIGMOE_BAD_FORMAT);
    assert_message_has("train.bin is damaged: its contents changed, and its date did not");
    token_split_close(split);
    assert_int_equal(token_split_open(at("d"), "train", 300, &claims, &split), SIGMOE_BAD_FORMAT);

    shard_cache_keep(
        &s, &content); // whose highest id is too high for a vocabulary of 5: the ids themselves decide
    assert_int_equal(token_split_open(at("d"), "train", 5, NULL, &split), SIGMOE_OK);
    assert_int_equal(token_split_verify(split, NULL), SIGMOE_OK);
    token_split_close(split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_same_state_is_found),
        cmocka_unit_test(damaged_files_are_nothing),
        cmocka_unit_test(what_is_not_kept),
        cmocka_unit_test(without_a_cache),
        cmocka_unit_test(a_large_shard),
    };
    return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
