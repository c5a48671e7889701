#include "formats/megatron_index.h"

#include "system/file.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char MAGIC[9] = "MMIDIDX\0";
enum {
    VERSION = 1,
    AT_VERSION = 9,
    AT_TYPE = 17,
    AT_SEQUENCES = 18,
    AT_BORDERS = 26,
    HEADER = 34,
    OF_SEQUENCE = 12, // a length and an offset
    OF_BORDER = 8,
};

static int64_t read_i64(const file_map *map, int64_t offset) {
    uint64_t value;
    memcpy(&value, map->bytes + offset, sizeof value);
    return (int64_t)le64toh(value);
}

static int32_t read_i32(const file_map *map, int64_t offset) {
    uint32_t value;
    memcpy(&value, map->bytes + offset, sizeof value);
    return (int32_t)le32toh(value);
}

static sigmoe_status read_type(int code, megatron_type *type) {
    *type = (megatron_type)code;
    if (code == MEGATRON_I32 || code == MEGATRON_U16) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "the tokens' type at offset %d is %d; those known here are %d (int32) and %d (uint16)", AT_TYPE, code,
        MEGATRON_I32, MEGATRON_U16);
}

// The file's size follows from its two counts.
static sigmoe_status read_counts(const file_map *map, int64_t *sequences, int64_t *borders) {
    int64_t rest = (int64_t)map->size - HEADER;
    *sequences = read_i64(map, AT_SEQUENCES);
    *borders = read_i64(map, AT_BORDERS);
    if (*sequences < 1 || *sequences > rest / OF_SEQUENCE)
        return fail(SIGMOE_BAD_FORMAT,
            "the number of sequences at offset %d is %" PRId64 ", for which the file of %zu bytes is too %s",
            AT_SEQUENCES, *sequences, map->size, *sequences < 1 ? "large" : "short");
    rest -= *sequences * OF_SEQUENCE;
    if (*borders < 2 || *borders > *sequences + 1 || *borders * OF_BORDER != rest)
        return fail(SIGMOE_BAD_FORMAT,
            "the number of document borders at offset %d is %" PRId64 "; after %" PRId64
            " sequence%s the file has %" PRId64 " bytes for them",
            AT_BORDERS, *borders, *sequences, plural(*sequences), rest);
    return SIGMOE_OK;
}

static sigmoe_status check_header(const file_map *map) {
    if (map->size < HEADER || memcmp(map->bytes, MAGIC, sizeof MAGIC) != 0)
        return fail(SIGMOE_BAD_FORMAT, "it does not begin as an index of Megatron-LM does (MMIDIDX)");
    if (read_i64(map, AT_VERSION) == VERSION) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "the version at offset %d is %" PRId64 "; this program reads version %d",
        AT_VERSION, read_i64(map, AT_VERSION), VERSION);
}

typedef struct index_reader {
    const file_map *map;
    int64_t sequences, borders;
    int64_t token_size;
} index_reader;

// Adds up the lengths of sequences [first, end), which must follow the tokens before them.
static sigmoe_status add_sequences(const index_reader *r, int64_t first, int64_t end, int64_t *tokens) {
    for (int64_t i = first; i < end; i++) {
        int64_t at_length = HEADER + 4 * i, at_offset = HEADER + 4 * r->sequences + 8 * i;
        int32_t length = read_i32(r->map, at_length);
        int64_t offset = read_i64(r->map, at_offset);
        if (length < 0)
            return fail(SIGMOE_BAD_FORMAT, "the length of sequence %" PRId64 " at offset %" PRId64 " is %d",
                i, at_length, length);
        // At most 2^31 tokens for each 12 bytes of a file: no overflow.
        if (offset != *tokens * r->token_size)
            return fail(SIGMOE_BAD_FORMAT,
                "sequence %" PRId64 " begins at byte %" PRId64 " of the tokens (offset %" PRId64
                "), not where the one before it ends, at %" PRId64,
                i, offset, at_offset, *tokens * r->token_size);
        *tokens += length;
    }
    return SIGMOE_OK;
}

static sigmoe_status read_documents(const index_reader *r, arena *a, megatron_index *out) {
    int64_t at = HEADER + OF_SEQUENCE * r->sequences, first = read_i64(r->map, at);
    out->documents = r->borders - 1;
    TRY(ARENA_NEW(a, out->ends, out->documents));
    if (first != 0)
        return fail(SIGMOE_BAD_FORMAT,
            "the first document begins with sequence %" PRId64 " (offset %" PRId64 "), not with 0", first,
            at);
    for (int64_t i = 0; i < out->documents; i++) {
        at += OF_BORDER;
        int64_t end = read_i64(r->map, at);
        bool last = i == out->documents - 1;
        if (end < first || end > r->sequences || (last && end != r->sequences))
            return fail(SIGMOE_BAD_FORMAT,
                "document %" PRId64 " ends before sequence %" PRId64 " (offset %" PRId64
                "); it begins with %" PRId64 ", and there are %" PRId64 "%s",
                i, end, at, first, r->sequences, last ? ", all of which the documents must cover" : "");
        TRY(add_sequences(r, first, end, &out->tokens));
        out->ends[i] = out->tokens;
        first = end;
    }
    return SIGMOE_OK;
}

static sigmoe_status read_map(const file_map *map, arena *a, megatron_index *out) {
    index_reader r = {.map = map};
    *out = (megatron_index){0};
    TRY(check_header(map));
    TRY(read_type(map->bytes[AT_TYPE], &out->type));
    TRY(read_counts(map, &r.sequences, &r.borders));
    r.token_size = out->type == MEGATRON_U16 ? 2 : 4;
    return read_documents(&r, a, out);
}

static sigmoe_status check_tokens(const char *prefix, const megatron_index *index) {
    char path[PATH_CAPACITY];
    int descriptor;
    int64_t size, needed = index->tokens * (index->type == MEGATRON_U16 ? 2 : 4);
    TRY(path_format(path, "%s.bin", prefix));
    TRY(file_open(path, &descriptor, &size));
    close(descriptor);
    if (size == needed) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "%s has %" PRId64 " bytes, but its index describes %" PRId64, path, size, needed);
}

sigmoe_status megatron_read_index(const char *prefix, arena *a, megatron_index *out) {
    char path[PATH_CAPACITY];
    file_map map;
    TRY(path_format(path, "%s.idx", prefix));
    TRY(file_map_open(path, &map));
    sigmoe_status status = read_map(&map, a, out);
    file_map_close(&map);
    if (status != SIGMOE_OK) return fail_in(status, "%s", path);
    return check_tokens(prefix, out);
}

sigmoe_status megatron_write_index(const char *prefix, megatron_type type, int64_t tokens) {
    enum { SIZE = HEADER + OF_SEQUENCE + 2 * OF_BORDER };
    char path[PATH_CAPACITY];
    unsigned char bytes[SIZE] = {0}; // the only sequence begins at byte 0, the only document with sequence 0
    if (tokens > INT32_MAX)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a sequence of Megatron-LM has at most %d tokens, and here are %" PRId64, INT32_MAX, tokens);
    uint64_t version = htole64(VERSION), sequences = htole64(1), borders = htole64(2);
    uint32_t length = htole32((uint32_t)tokens);
    memcpy(bytes, MAGIC, sizeof MAGIC);
    memcpy(bytes + AT_VERSION, &version, sizeof version);
    bytes[AT_TYPE] = (unsigned char)type;
    memcpy(bytes + AT_SEQUENCES, &sequences, sizeof sequences);
    memcpy(bytes + AT_BORDERS, &borders, sizeof borders);
    memcpy(bytes + HEADER, &length, sizeof length);
    memcpy(bytes + SIZE - OF_BORDER, &sequences, sizeof sequences);
    TRY(path_format(path, "%s.idx", prefix));
    return file_write(path, bytes, SIZE);
}
