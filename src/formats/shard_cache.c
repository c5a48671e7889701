#include "formats/shard_cache.h"

#include "system/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SLOT_DIGITS = 3, // so there are 4096 files at most: a shard replaces another one with the same digits
    LINE = 512,      // bytes that a file has at most
};

static sigmoe_status cache_directory(char path[PATH_CAPACITY]) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') return path_format(path, "%s/sigmoe/shards", cache);
    if (home && *home == '/') return path_format(path, "%s/.cache/sigmoe/shards", home);
    return fail(SIGMOE_IO, "there is no cache directory");
}

static void text_sha256(const char *text, char hex[SHA256_HEX]) {
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    sha256_hex(&hash, hex);
}

static sigmoe_status slot_path(const char *directory, const file_state *s, char path[PATH_CAPACITY]) {
    char text[64], hash[SHA256_HEX];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, s->device, s->inode);
    text_sha256(text, hash);
    return path_format(path, "%s/%.*s", directory, SLOT_DIGITS, hash);
}

// The line of a file: the state, the facts, and the SHA-256 of what is before it.
static void print_line(const file_state *s, const shard_content *c, char line[LINE]) {
    char hash[SHA256_HEX];
    int length = snprintf(line, LINE,
        "shard 1 %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %" PRId64 " ", s->device,
        s->inode, s->size, s->modified, s->changed, c->sha256, c->highest);
    text_sha256(line, hash);
    snprintf(line + length, (size_t)(LINE - length), "%s\n", hash);
}

// The file must be the user's own: in a shared directory anybody may put one there.
static bool read_own(const char *path, char line[LINE]) {
    int descriptor;
    int64_t size;
    struct stat about;
    if (file_open(path, &descriptor, &size) != SIGMOE_OK) return false;
    bool own = fstat(descriptor, &about) == 0 && about.st_uid == geteuid() && !(about.st_mode & S_IWOTH);
    ssize_t got = own ? read(descriptor, line, LINE - 1) : -1;
    close(descriptor);
    line[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool find(const file_state *state, shard_content *out) {
    char directory[PATH_CAPACITY], path[PATH_CAPACITY], line[LINE], expected[LINE];
    shard_content c;
    if (cache_directory(directory) != SIGMOE_OK || slot_path(directory, state, path) != SIGMOE_OK)
        return false;
    if (!read_own(path, line)) return false;
    if (sscanf(line, "shard 1 %*u %*u %*d %*d %*d %64[0-9a-f] %" SCNd64, c.sha256, &c.highest) != 2)
        return false;
    print_line(state, &c, expected);
    if (strcmp(line, expected) != 0) return false;
    *out = c;
    return true;
}

bool shard_cache_find(const file_state *state, shard_content *out) {
    if (state->size < SHARD_CACHE_LEAST) return false;
    kept_failure before = failure_keep(SIGMOE_OK);
    bool found = find(state, out);
    failure_again(&before);
    return found;
}

static sigmoe_status keep(const file_state *state, const shard_content *content) {
    char directory[PATH_CAPACITY], path[PATH_CAPACITY], line[LINE];
    TRY(cache_directory(directory));
    TRY(directory_make(directory));
    TRY(slot_path(directory, state, path));
    print_line(state, content, line);
    return file_write(path, line, strlen(line));
}

void shard_cache_keep(const file_state *state, const shard_content *content) {
    if (state->size < SHARD_CACHE_LEAST || !file_state_is_settled(state)) return;
    kept_failure before = failure_keep(SIGMOE_OK);
    keep(state, content);
    failure_again(&before);
}
