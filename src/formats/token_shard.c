#include "formats/token_shard.h"

#include "formats/shard_cache.h"
#include "system/file.h"

#include <assert.h>
#include <ctype.h>
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
    HEADER_INTS = 256,
    HEADER_BYTES = HEADER_INTS * 4,
    NARROW_MAGIC = 20240520,
    NARROW_VERSION = 1,
    WIDE_MAGIC = 20240801,
    WIDE_VERSION = 7,
    NARROW_VOCAB = 1 << 16, // ids that fit into uint16
    INDEX_DIGITS = 6,
    READ_TOKENS = 1 << 11, // at a time, on the stack
};

typedef struct shard {
    const char *path;
    int descriptor;
    int64_t first; // tokens of the split in earlier shards
    int64_t count;
    int width;        // bytes of a token
    file_state state; // when its content was found to be
    shard_content content;
} shard;

struct token_split {
    arena *memory; // holds this struct, too
    int64_t vocab_size;
    int shard_count;
    shard *shards;
    int64_t count;
};

static uint32_t token_at(const unsigned char *p, int width) {
    uint32_t low = (uint32_t)p[0] | (uint32_t)p[1] << 8;
    return width == 2 ? low : low | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// Converts tokens [first, first + count) of the shard from its bytes. The ids are checked every time, since they index rows of
// weights, and another process may write to the file.
static sigmoe_status convert_tokens(const shard *s, int64_t vocab_size, int64_t first, int64_t count,
    const unsigned char *bytes, int32_t *out) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t id = token_at(bytes + i * s->width, s->width);
        if (id >= vocab_size)
            return fail(SIGMOE_BAD_FORMAT,
                "%s: token %" PRId64 " (at byte %" PRId64 ") has id %" PRIu32 "; the vocabulary has %" PRId64,
                s->path, first + i, HEADER_BYTES + (first + i) * s->width, id, vocab_size);
        out[i] = (int32_t)id;
    }
    return SIGMOE_OK;
}

// At most READ_TOKENS.
static sigmoe_status read_tokens(
    const shard *s, int64_t vocab_size, int64_t first, int64_t count, int32_t *out) {
    unsigned char bytes[4 * READ_TOKENS];
    TRY(file_read_at(
        s->descriptor, s->path, HEADER_BYTES + first * s->width, (size_t)(count * s->width), bytes));
    return convert_tokens(s, vocab_size, first, count, bytes, out);
}

static int32_t header_at(const unsigned char *header, int index) {
    uint32_t bits;
    memcpy(&bits, header + 4 * index, sizeof bits);
    return (int32_t)le32toh(bits);
}

static sigmoe_status read_header(shard *s, int64_t size) {
    unsigned char header[HEADER_BYTES];
    if (size < HEADER_BYTES)
        return fail(SIGMOE_BAD_FORMAT, "%s: with %" PRId64 " byte%s it is too short for a token shard",
            s->path, size, plural(size));
    TRY(file_read_at(s->descriptor, s->path, 0, sizeof header, header));
    int32_t magic = header_at(header, 0), version = header_at(header, 1);
    if (magic == NARROW_MAGIC && version == NARROW_VERSION)
        s->width = 2;
    else if (magic == WIDE_MAGIC && version == WIDE_VERSION)
        s->width = 4;
    else
        return fail(SIGMOE_BAD_FORMAT, "%s: this is no token shard (magic %" PRId32 ", version %" PRId32 ")",
            s->path, magic, version);
    s->count = header_at(header, 2);
    if (s->count < 0 || s->count * s->width != size - HEADER_BYTES)
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the header counts %" PRId64 " token%s of %d bytes, the file holds %" PRId64
            " byte%s of them",
            s->path, s->count, plural(s->count), s->width, size - HEADER_BYTES, plural(size - HEADER_BYTES));
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what is in a shard

static sigmoe_status count_bytes(progress_meter *meter, int64_t bytes) {
    return meter ? progress_at(meter, meter->state.done + (double)bytes) : SIGMOE_OK;
}

// Reads all of the shard, whose header was read before.
static sigmoe_status read_content(
    const shard *s, int64_t vocab_size, progress_meter *meter, shard_content *out) {
    unsigned char bytes[4 * READ_TOKENS];
    int32_t ids[READ_TOKENS];
    struct sha256_ctx hash;
    sha256_init(&hash);
    TRY(file_read_at(s->descriptor, s->path, 0, HEADER_BYTES, bytes));
    sha256_update(&hash, HEADER_BYTES, bytes);
    TRY(count_bytes(meter, HEADER_BYTES));
    out->highest = -1;
    for (int64_t i = 0; i < s->count; i += READ_TOKENS) {
        int64_t here = s->count - i < READ_TOKENS ? s->count - i : READ_TOKENS;
        size_t size = (size_t)(here * s->width);
        TRY(file_read_at(s->descriptor, s->path, HEADER_BYTES + i * s->width, size, bytes));
        sha256_update(&hash, size, bytes);
        TRY(convert_tokens(s, vocab_size, i, here, bytes, ids));
        for (int64_t k = 0; k < here; k++) out->highest = ids[k] > out->highest ? ids[k] : out->highest;
        TRY(count_bytes(meter, (int64_t)size));
    }
    sha256_hex(&hash, out->sha256);
    return SIGMOE_OK;
}

// Reads the shard again if its state is another one than when its content was found: what a backup or a copy with the same bytes
// changes does not matter.
static sigmoe_status check_unchanged(shard *s, int64_t vocab_size) {
    file_state now;
    shard_content content;
    TRY(file_state_of(s->descriptor, s->path, &now));
    if (file_state_equal(&now, &s->state)) return SIGMOE_OK;
    bool same = now.size == s->state.size && read_content(s, vocab_size, NULL, &content) == SIGMOE_OK &&
                strcmp(content.sha256, s->content.sha256) == 0;
    if (!same)
        return fail(SIGMOE_BAD_FORMAT,
            "%s was changed while it was in use: put the former file back, or prepare the data again, and "
            "start again",
            s->path);
    s->state = now;
    return SIGMOE_OK;
}

static sigmoe_status find_content(shard *s, int64_t vocab_size) {
    TRY(file_state_of(s->descriptor, s->path, &s->state));
    // An id that is too high is looked for, so that the message can say where it is.
    if (shard_cache_find(&s->state, &s->content) && s->content.highest < vocab_size) return SIGMOE_OK;
    TRY(read_content(s, vocab_size, NULL, &s->content));
    TRY(check_unchanged(s, vocab_size));
    shard_cache_keep(&s->state, &s->content);
    return SIGMOE_OK;
}

static sigmoe_status check_sum(const shard *s, const char *sha256) {
    if (strcmp(s->content.sha256, sha256) == 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s is damaged, or of other data: its SHA-256 is not the one that meta.json has; prepare the data "
        "again",
        s->path);
}

// Whether `name` is <split>_dddddd.bin.
static bool is_numbered(const char *name, const char *split) {
    size_t length = strlen(split);
    if (strncmp(name, split, length) != 0 || name[length] != '_') return false;
    const char *digits = name + length + 1;
    for (int i = 0; i < INDEX_DIGITS; i++)
        if (!isdigit((unsigned char)digits[i])) return false;
    return strcmp(digits + INDEX_DIGITS, ".bin") == 0;
}

// Finds the names of the split's shards, in order; numbered ones must have no gap.
static sigmoe_status find_shards(
    arena *a, const char *directory, const char *split, char ***names, int *count) {
    char **all;
    int total = 0, numbered = 0;
    TRY(directory_list(directory, a, &all, &total));
    TRY(ARENA_NEW(a, *names, total + 1));
    const char *single = arena_text(a, "%s.bin", split);
    if (!single) return SIGMOE_NO_MEMORY;
    bool has_single = false;
    for (int i = 0; i < total; i++) {
        has_single = has_single || strcmp(all[i], single) == 0;
        if (is_numbered(all[i], split)) (*names)[numbered++] = all[i]; // sorted, as the list is
    }
    if (has_single && numbered)
        return fail(SIGMOE_BAD_FORMAT, "%s: both %s and %s are there; remove the wrong one", directory,
            single, **names);
    if (!has_single && !numbered)
        return fail(SIGMOE_IO, "%s: the split's %s is missing; prepare the data first", directory, single);
    for (int i = 0; i < numbered; i++) {
        const char *expected = arena_text(a, "%s_%06d.bin", split, i);
        if (!expected) return SIGMOE_NO_MEMORY;
        if (strcmp((*names)[i], expected) != 0)
            return fail(SIGMOE_BAD_FORMAT, "%s: the shard %s is missing, %s is there", directory, expected,
                (*names)[i]);
    }
    if (has_single) **names = (char *)single;
    *count = has_single ? 1 : numbered;
    return SIGMOE_OK;
}

static sigmoe_status open_shard(token_split *t, const char *path) {
    shard *s = &t->shards[t->shard_count];
    int64_t size;
    s->path = arena_text(t->memory, "%s", path);
    if (!s->path) return SIGMOE_NO_MEMORY;
    TRY(file_open(path, &s->descriptor, &size));
    t->shard_count++; // from here on closing the split closes it
    TRY(read_header(s, size));
    s->first = t->count;
    t->count += s->count;
    return SIGMOE_OK;
}

static sigmoe_status open_all(token_split *t, const char *directory, const char *split) {
    char **names;
    int count = 0;
    TRY(find_shards(t->memory, directory, split, &names, &count));
    TRY(ARENA_NEW(t->memory, t->shards, count));
    for (int i = 0; i < count; i++) {
        char path[PATH_CAPACITY];
        TRY(path_format(path, "%s/%s", directory, names[i]));
        TRY(open_shard(t, path));
    }
    if (t->count == 0) return fail(SIGMOE_BAD_FORMAT, "%s: the split %s has no tokens", directory, split);
    return SIGMOE_OK;
}

// From the headers alone.
static sigmoe_status check_counts(
    const token_split *t, const char *directory, const char *split, const split_claims *c) {
    if (c->tokens >= 0 && c->tokens != t->count)
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the shards of split %s hold %" PRId64 " token%s, but meta.json says %" PRId64
            ": one of them is damaged or of other data; prepare them again",
            directory, split, t->count, plural(t->count), c->tokens);
    if (c->sha256 && c->shards != t->shard_count)
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the split %s has %d shard%s, but meta.json has the sums of %d; prepare the data again",
            directory, split, t->shard_count, plural(t->shard_count), c->shards);
    return SIGMOE_OK;
}

static sigmoe_status open_checked(
    token_split *t, const char *directory, const char *split, const split_claims *claims) {
    TRY(open_all(t, directory, split));
    if (claims) TRY(check_counts(t, directory, split, claims));
    for (int i = 0; i < t->shard_count; i++) {
        TRY(find_content(&t->shards[i], t->vocab_size));
        if (claims && claims->sha256) TRY(check_sum(&t->shards[i], claims->sha256[i]));
    }
    return SIGMOE_OK;
}

sigmoe_status token_split_open(const char *directory, const char *split, int64_t vocab_size,
    const split_claims *claims, token_split **out) {
    arena *memory;
    token_split *t;
    TRY(ARENA_AROUND("token split", memory, t));
    t->memory = memory;
    t->vocab_size = vocab_size;
    sigmoe_status status = open_checked(t, directory, split, claims);
    if (status == SIGMOE_OK)
        *out = t;
    else
        token_split_close(t);
    return status;
}

void token_split_close(token_split *split) {
    if (!split) return;
    for (int i = 0; i < split->shard_count; i++) close(split->shards[i].descriptor);
    arena_destroy(split->memory);
}

int64_t token_split_count(const token_split *split) {
    return split->count;
}

int token_split_shards(const token_split *split) {
    return split->shard_count;
}

const char *token_split_sha256(const token_split *split, int index) {
    return split->shards[index].content.sha256;
}

int64_t token_split_bytes(const token_split *split) {
    int64_t bytes = 0;
    for (int i = 0; i < split->shard_count; i++) bytes += split->shards[i].state.size;
    return bytes;
}

sigmoe_status token_split_verify(const token_split *split, progress_meter *meter) {
    for (int i = 0; i < split->shard_count; i++) {
        shard *s = &split->shards[i];
        shard_content content;
        TRY(file_state_of(s->descriptor, s->path, &s->state));
        TRY(read_content(s, split->vocab_size, meter, &content));
        shard_cache_keep(&s->state, &content); // so that what was known before no longer counts
        if (strcmp(content.sha256, s->content.sha256) != 0)
            return fail(SIGMOE_BAD_FORMAT,
                "%s is damaged: its contents changed, and its date did not; prepare the data again", s->path);
    }
    return SIGMOE_OK;
}

sigmoe_status token_split_copy(const token_split *split, int64_t first, int64_t count, int32_t *out) {
    assert(first >= 0 && count >= 0 && count <= split->count - first);
    for (int k = 0; k < split->shard_count && count > 0; k++) {
        shard *s = &split->shards[k];
        bool read = false;
        while (count > 0 && first - s->first < s->count) {
            int64_t offset = first - s->first, here = s->count - offset < count ? s->count - offset : count;
            if (here > READ_TOKENS) here = READ_TOKENS;
            TRY(read_tokens(s, split->vocab_size, offset, here, out));
            out += here;
            first += here;
            count -= here;
            read = true;
        }
        if (read) TRY(check_unchanged(s, split->vocab_size));
    }
    return SIGMOE_OK;
}

typedef struct open_shard_file {
    struct open_shard_file *next;
    file_writer file;
    int64_t count;
} open_shard_file;

struct token_writer {
    arena *memory; // holds this struct, too
    char directory[PATH_CAPACITY];
    char split[256];
    int64_t vocab_size, shard_tokens;
    int width;
    int shard_count;
    open_shard_file *first, *last;
};

static sigmoe_status write_header(const token_writer *w, open_shard_file *f) {
    uint32_t header[HEADER_INTS] = {0};
    header[0] = htole32(w->width == 2 ? NARROW_MAGIC : WIDE_MAGIC);
    header[1] = htole32(w->width == 2 ? NARROW_VERSION : WIDE_VERSION);
    header[2] = htole32((uint32_t)f->count);
    return file_writer_write(&f->file, header, sizeof header);
}

// All shards are numbered at first; a single one loses its number on commit.
static sigmoe_status begin_shard(token_writer *w) {
    char path[PATH_CAPACITY];
    open_shard_file *f;
    if (w->shard_count > 999999)
        return fail(SIGMOE_BAD_ARGUMENT, "%s: more than 1000000 shards", w->directory);
    TRY(path_format(path, "%s/%s_%06d.bin", w->directory, w->split, w->shard_count));
    TRY(ARENA_NEW(w->memory, f, 1));
    TRY(file_writer_open(&f->file, path));
    if (w->last)
        w->last->next = f;
    else
        w->first = f;
    w->last = f;
    w->shard_count++;
    return write_header(w, f); // the count follows on commit
}

sigmoe_status token_writer_open(
    const char *directory, const char *split, int64_t vocab_size, int64_t shard_tokens, token_writer **out) {
    arena *memory;
    token_writer *w;
    TRY(ARENA_AROUND("token writer", memory, w));
    w->memory = memory;
    w->vocab_size = vocab_size;
    w->width = vocab_size <= NARROW_VOCAB ? 2 : 4;
    w->shard_tokens = shard_tokens ? shard_tokens : INT32_MAX;
    snprintf(w->split, sizeof w->split, "%s", split);
    sigmoe_status status = path_format(w->directory, "%s", directory);
    if (status == SIGMOE_OK) status = begin_shard(w);
    if (status == SIGMOE_OK)
        *out = w;
    else
        token_writer_abandon(w);
    return status;
}

static sigmoe_status write_tokens(token_writer *w, const int32_t *tokens, int64_t count) {
    enum { BLOCK = 4096 };
    unsigned char bytes[4 * BLOCK];
    for (int64_t done = 0; done < count;) {
        size_t used = 0;
        for (int i = 0; i < BLOCK && done < count; i++, done++) {
            int64_t id = tokens[done];
            if (id < 0 || id >= w->vocab_size)
                return fail(SIGMOE_BAD_ARGUMENT,
                    "%s/%s: token id %" PRId64 " is outside of the vocabulary of %" PRId64, w->directory,
                    w->split, id, w->vocab_size);
            for (int b = 0; b < w->width; b++) bytes[used++] = (unsigned char)(id >> 8 * b);
        }
        TRY(file_writer_write(&w->last->file, bytes, used));
    }
    w->last->count += count;
    return SIGMOE_OK;
}

sigmoe_status token_writer_add(token_writer *w, const int32_t *tokens, int64_t count) {
    while (count > 0) {
        if (w->last->count == w->shard_tokens) TRY(begin_shard(w));
        int64_t room = w->shard_tokens - w->last->count, here = count < room ? count : room;
        TRY(write_tokens(w, tokens, here));
        tokens += here;
        count -= here;
    }
    return SIGMOE_OK;
}

static sigmoe_status finish_shard(const token_writer *w, open_shard_file *f) {
    if (fseeko(f->file.stream, 0, SEEK_SET) != 0) return fail_errno("cannot write %s", f->file.final_path);
    TRY(write_header(w, f));
    if (w->shard_count == 1) TRY(path_format(f->file.final_path, "%s/%s.bin", w->directory, w->split));
    return file_writer_commit(&f->file);
}

sigmoe_status token_writer_commit(token_writer *w) {
    sigmoe_status status = SIGMOE_OK;
    open_shard_file *f = w->first;
    for (; f && status == SIGMOE_OK; f = f->next) status = finish_shard(w, f);
    // An incomplete set of shards must not remain.
    if (status != SIGMOE_OK)
        for (open_shard_file *g = w->first; g != f; g = g->next) file_remove(g->file.final_path);
    token_writer_abandon(w);
    return status;
}

void token_writer_abandon(token_writer *w) {
    if (!w) return;
    for (open_shard_file *f = w->first; f; f = f->next) file_writer_abandon(&f->file);
    arena_destroy(w->memory);
}
