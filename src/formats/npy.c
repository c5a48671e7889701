#include "formats/npy.h"

#include "base/round_up.h"
#include "system/file.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

// "\x93NUMPY", major, minor, header length (2 bytes in version 1, else 4), the header: a Python dictionary as text.
enum { MAGIC = 6, MOST_DIMS = 8, MOST_HEADER = 1 << 16, ALIGNMENT = 64 };

typedef struct npy_header {
    char descr[32];
    bool fortran_order;
    int dims;
    int64_t shape[MOST_DIMS];
    int64_t count;
} npy_header;

// The part of the header's text that has not been read yet.
typedef struct scanner {
    const char *at, *end;
} scanner;

static void skip_spaces(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t')) s->at++;
}

static bool take(scanner *s, char c) {
    skip_spaces(s);
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word) {
    size_t length = strlen(word);
    skip_spaces(s);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) return false;
    s->at += length;
    return true;
}

static bool take_string(scanner *s, char *out, size_t size) {
    skip_spaces(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"')) return false;
    char quote = *s->at++;
    size_t length = 0;
    while (s->at < s->end && *s->at != quote && length + 1 < size) out[length++] = *s->at++;
    out[length] = '\0';
    return take(s, quote);
}

static bool take_size(scanner *s, int64_t *out) {
    skip_spaces(s);
    const char *start = s->at;
    for (*out = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (!size_product(out, *out, 10) || __builtin_add_overflow(*out, *s->at - '0', out)) return false;
    return s->at > start;
}

// Reads "(2, 5)", "(7,)" or "()".
static bool take_shape(scanner *s, npy_header *h) {
    if (!take(s, '(')) return false;
    h->count = 1;
    while (!take(s, ')')) {
        if (h->dims == MOST_DIMS || !take_size(s, &h->shape[h->dims])) return false;
        if (!size_product(&h->count, h->count, h->shape[h->dims++])) return false;
        if (!take(s, ',')) return take(s, ')');
    }
    return true;
}

static bool take_entry(scanner *s, npy_header *h, int seen[3]) {
    char key[32];
    if (!take_string(s, key, sizeof key) || !take(s, ':')) return false;
    if (strcmp(key, "descr") == 0) return seen[0]++ == 0 && take_string(s, h->descr, sizeof h->descr);
    if (strcmp(key, "shape") == 0) return seen[1]++ == 0 && take_shape(s, h);
    if (strcmp(key, "fortran_order") != 0 || seen[2]++ != 0) return false;
    h->fortran_order = take_word(s, "True");
    return h->fortran_order || take_word(s, "False");
}

static bool parse_header(scanner s, npy_header *h) {
    int seen[3] = {0};
    if (!take(&s, '{')) return false;
    while (!take(&s, '}')) {
        if (!take_entry(&s, h, seen)) return false;
        if (take(&s, ',')) continue;
        if (!take(&s, '}')) return false;
        break;
    }
    skip_spaces(&s);
    return s.at == s.end && seen[0] && seen[1] && seen[2];
}

static sigmoe_status read_header(
    const char *path, const file_map *map, npy_header *h, const unsigned char **data) {
    if (map->size < MAGIC + 4 || memcmp(map->bytes, "\x93NUMPY", MAGIC) != 0)
        return fail(SIGMOE_BAD_FORMAT, "%s: this is no .npy file", path);
    int version = map->bytes[MAGIC];
    if (version < 1 || version > 3)
        return fail(SIGMOE_BAD_FORMAT, "%s: .npy version %d; those known here are 1 to 3", path, version);
    const unsigned char *p = map->bytes + MAGIC + 2, *end = map->bytes + map->size;
    size_t width = version == 1 ? 2 : 4, length = 0;
    if ((size_t)(end - p) < width)
        return fail(SIGMOE_BAD_FORMAT, "%s: the file ends inside its header", path);
    for (size_t i = 0; i < width; i++) length |= (size_t)p[i] << 8 * i;
    p += width;
    if (length > MOST_HEADER)
        return fail(SIGMOE_BAD_FORMAT, "%s: a header of %zu bytes is more than an array needs", path, length);
    if (length > (size_t)(end - p))
        return fail(SIGMOE_BAD_FORMAT, "%s: the file ends inside its header", path);
    *h = (npy_header){0};
    if (!parse_header((scanner){(const char *)p, (const char *)p + length}, h))
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the header does not describe a plain array (descr, fortran_order, shape)", path);
    *data = p + length;
    return SIGMOE_OK;
}

static sigmoe_status check_header(
    const char *path, const npy_header *h, int dims, int64_t item, int64_t bytes) {
    int64_t needed;
    if (h->fortran_order)
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the array is in Fortran order; save numpy.ascontiguousarray(x) instead", path);
    if (h->dims != dims)
        return fail(SIGMOE_BAD_FORMAT, "%s: the array has %d dimension%s, and must have %d", path, h->dims,
            plural(h->dims), dims);
    if (!size_product(&needed, h->count, item) || needed != bytes)
        return fail(SIGMOE_BAD_FORMAT,
            "%s: the shape needs %" PRId64 " value%s of %" PRId64 " bytes, the file holds %" PRId64
            " byte%s of data",
            path, h->count, plural(h->count), item, bytes, plural(bytes));
    return SIGMOE_OK;
}

static int64_t value_at(const unsigned char *data, int64_t item, int64_t i) {
    if (item == 4) {
        uint32_t bits;
        memcpy(&bits, data + i * item, sizeof bits);
        return (int32_t)le32toh(bits);
    }
    uint64_t bits;
    memcpy(&bits, data + i * item, sizeof bits);
    return (int64_t)le64toh(bits);
}

static sigmoe_status read_values(
    const char *path, const file_map *map, arena *a, int dims, int64_t *shape, int32_t **values) {
    npy_header h;
    const unsigned char *data = NULL;
    TRY(read_header(path, map, &h, &data));
    bool wide = strcmp(h.descr, "<i8") == 0;
    if (!wide && strcmp(h.descr, "<i4") != 0)
        return fail(SIGMOE_BAD_FORMAT, "%s: the values are of type %s; save x.astype(\"<i4\") instead", path,
            h.descr);
    int64_t item = wide ? 8 : 4;
    TRY(check_header(path, &h, dims, item, map->bytes + map->size - data));
    TRY(ARENA_NEW_RAW(a, *values, h.count));
    for (int64_t i = 0; i < h.count; i++) {
        int64_t value = value_at(data, item, i);
        if (value != (int32_t)value)
            return fail(SIGMOE_BAD_FORMAT, "%s: value %" PRId64 " at place %" PRId64 " is beyond 32 bits",
                path, value, i);
        (*values)[i] = (int32_t)value;
    }
    memcpy(shape, h.shape, (size_t)dims * sizeof *shape);
    return SIGMOE_OK;
}

sigmoe_status npy_read_i32(const char *path, arena *a, int dims, int64_t *shape, int32_t **values) {
    file_map map;
    TRY(file_map_open(path, &map));
    sigmoe_status status = read_values(path, &map, a, dims, shape, values);
    file_map_close(&map);
    return status;
}

static sigmoe_status write_values(file_writer *w, int dims, const int64_t *shape, const int32_t *values) {
    enum { PREFIX = MAGIC + 4 };
    char header[4 * ALIGNMENT];
    int64_t count = 1;
    int used = snprintf(header, sizeof header, "{'descr': '<i4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < dims; i++) {
        if (!size_product(&count, count, shape[i]))
            return fail(SIGMOE_BAD_ARGUMENT, "%s: the array is too large to be written", w->final_path);
        used += snprintf(header + used, sizeof header - (size_t)used, "%" PRId64 ",", shape[i]);
    }
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    // Spaces and a newline bring the data to a multiple of 64 bytes.
    int length = (int)round_up(PREFIX + used + 1, ALIGNMENT) - PREFIX;
    TRY(file_writer_write(w, "\x93NUMPY\x01\x00", MAGIC + 2));
    TRY(file_writer_write(w, (unsigned char[]){(unsigned char)length, (unsigned char)(length >> 8)}, 2));
    TRY(file_writer_write(w, header, (size_t)used));
    for (int i = used; i < length - 1; i++) TRY(file_writer_write(w, " ", 1));
    TRY(file_writer_write(w, "\n", 1));
    return file_writer_write(w, values, (size_t)count * sizeof *values);
}

sigmoe_status npy_write_i32(const char *path, int dims, const int64_t *shape, const int32_t *values) {
    file_writer w;
    TRY(file_writer_open(&w, path));
    return file_writer_end(&w, write_values(&w, dims, shape, values));
}
