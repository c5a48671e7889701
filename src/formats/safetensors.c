#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/safetensors_state.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DIMS = 8 };
// Limits on JSON values: a tensor is {dtype, shape: [up to MOST_DIMS], data_offsets: [2]}; the rest is for metadata and unknown
// tensors.
enum { VALUES_OF_TENSOR = 16, MORE_VALUES = 4096 };
static const uint64_t LONGEST_HEADER = 100 * 1000 * 1000;

const tensor_type_facts safetensors_types[] = {
    [TENSOR_F32] = {"F32", 4},
    [TENSOR_BF16] = {"BF16", 2},
    [TENSOR_I8] = {"I8", 1},
    [TENSOR_I32] = {"I32", 4},
    [TENSOR_I64] = {"I64", 8},
    [TENSOR_F64] = {"F64", 8},
};
enum { TYPES = sizeof safetensors_types / sizeof *safetensors_types };

static sigmoe_status read_type(const json_t *entry, tensor_type *type) {
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name) return fail(SIGMOE_BAD_FORMAT, "its dtype is missing or not a string");
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(safetensors_types[i].name, name) != 0) continue;
        *type = (tensor_type)i;
        return SIGMOE_OK;
    }
    return fail(
        SIGMOE_BAD_FORMAT, "its dtype is %.20s; those known here are F32, BF16, I8, I32, I64 and F64", name);
}

static sigmoe_status read_shape(const json_t *entry, stored_tensor *t) {
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape)) return fail(SIGMOE_BAD_FORMAT, "its shape is missing or not an array");
    size_t dims = json_array_size(shape);
    if (dims > MOST_DIMS)
        return fail(SIGMOE_BAD_FORMAT, "it has %zu dimensions, more than %d", dims, MOST_DIMS);
    t->dims = (int)dims;
    t->count = 1;
    for (int i = 0; i < t->dims; i++) {
        const json_t *extent = json_array_get(shape, (size_t)i);
        t->shape[i] = json_integer_value(extent);
        if (!json_is_integer(extent) || t->shape[i] < 0)
            return fail(SIGMOE_BAD_FORMAT, "dimension %d of its shape is not a size", i);
        if (!size_product(&t->count, t->count, t->shape[i]))
            return fail(SIGMOE_BAD_FORMAT, "its shape has too many elements");
    }
    return SIGMOE_OK;
}

// The data begin at byte `data` of the file.
static sigmoe_status read_place(const json_t *entry, int64_t data, int64_t data_size, stored_tensor *t) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return fail(SIGMOE_BAD_FORMAT, "its data_offsets are not two integers");
    int64_t begin = json_integer_value(first), end = json_integer_value(last), bytes;
    if (begin < 0 || end < begin || end > data_size)
        return fail(SIGMOE_BAD_FORMAT,
            "its data_offsets [%" PRId64 ", %" PRId64 "] lie outside of the %" PRId64
            " byte%s of data (is the file cut short?)",
            begin, end, data_size, plural(data_size));
    if (!size_product(&bytes, t->count, safetensors_types[t->type].size) || bytes != end - begin)
        return fail(SIGMOE_BAD_FORMAT,
            "its data_offsets give it %" PRId64 " byte%s, its shape and dtype need another number",
            end - begin, plural(end - begin));
    t->offset = data + begin;
    return SIGMOE_OK;
}

static int by_place(const void *a, const void *b) {
    const stored_tensor *s = a, *t = b;
    if (s->offset != t->offset) return s->offset < t->offset ? -1 : 1;
    // Empty tensors come before the tensor whose bytes start at the same offset.
    return (s->count > 0) - (t->count > 0);
}

// Checks that the tensors cover the data exactly.
static sigmoe_status check_cover(const safetensors_file *file, int64_t data, int64_t data_size) {
    int64_t covered = 0;
    for (int i = 0; i < file->count; i++) {
        const stored_tensor *t = &file->tensors[i];
        int64_t begin = t->offset - data;
        if (begin != covered)
            return fail(SIGMOE_BAD_FORMAT, "%s: the bytes of tensor \"%.80s\" %s", file->path, t->name,
                begin < covered ? "overlap those of another" : "follow bytes that belong to no tensor");
        covered += t->count * safetensors_types[t->type].size;
    }
    if (covered != data_size)
        return fail(SIGMOE_BAD_FORMAT, "%s: the file goes on behind its last tensor, for %" PRId64 " byte%s",
            file->path, data_size - covered, plural(data_size - covered));
    return SIGMOE_OK;
}

static sigmoe_status check_metadata(const safetensors_file *file, const json_t *metadata) {
    const char *key;
    json_t *value;
    bool texts = json_is_object(metadata);
    json_object_foreach((json_t *)metadata, key, value) texts = texts && json_is_string(value);
    return texts ? SIGMOE_OK
                 : fail(SIGMOE_BAD_FORMAT, "%s: \"%s\" must be an object of texts", file->path,
                       SAFETENSORS_METADATA);
}

static sigmoe_status read_tensors(safetensors_file *file, json_t *header, int64_t data) {
    int64_t data_size = file->size - data;
    TRY(ARENA_NEW(file->memory, file->tensors, json_object_size(header)));
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, SAFETENSORS_METADATA) == 0) {
            TRY(check_metadata(file, entry));
            continue;
        }
        stored_tensor *t = &file->tensors[file->count++];
        t->holder = file;
        t->name = arena_text(file->memory, "%s", name);
        if (!t->name) return SIGMOE_NO_MEMORY;
        sigmoe_status status = read_type(entry, &t->type);
        if (status == SIGMOE_OK) status = read_shape(entry, t);
        if (status == SIGMOE_OK) status = read_place(entry, data, data_size, t);
        if (status != SIGMOE_OK) return fail_in(status, "%s: tensor \"%.80s\"", file->path, name);
    }
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, by_place);
    return check_cover(file, data, data_size);
}

// The header's text, and with it the place where the data begin.
static sigmoe_status read_header(const safetensors_file *file, arena *a, char **text, uint64_t *length) {
    if (file->size < SAFETENSORS_PREFIX)
        return fail(SIGMOE_BAD_FORMAT, "%s: with %" PRId64 " byte%s it is too short for a safetensors file",
            file->path, file->size, plural(file->size));
    TRY(file_read_at(file->descriptor, file->path, 0, SAFETENSORS_PREFIX, length));
    *length = le64toh(*length);
    if (*length > LONGEST_HEADER)
        return fail(SIGMOE_BAD_FORMAT, "%s: a header of %" PRIu64 " bytes: this is no safetensors file",
            file->path, *length);
    if (*length > (uint64_t)(file->size - SAFETENSORS_PREFIX))
        return fail(SIGMOE_BAD_FORMAT, "%s: the file ends inside its header; it is cut short", file->path);
    TRY(ARENA_NEW_RAW(a, *text, (int64_t)*length));
    TRY(file_read_at(file->descriptor, file->path, SAFETENSORS_PREFIX, *length, *text));
    if (*length > 0 && **text == '{') return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "%s: its header does not begin with a brace: this is no safetensors file",
        file->path);
}

static sigmoe_status parse_file(safetensors_file *file, int64_t expected, arena *a) {
    char *text = NULL;
    uint64_t length = 0;
    json_t *header;
    TRY(read_header(file, a, &text, &length));
    TRY(json_parse_object(
        file->path, text, (size_t)length, MORE_VALUES + VALUES_OF_TENSOR * expected, &header));
    sigmoe_status status = read_tensors(file, header, SAFETENSORS_PREFIX + (int64_t)length);
    json_decref(header);
    return status;
}

static sigmoe_status read_file(safetensors_file *file, int64_t expected) {
    arena *a;
    TRY(file_open(file->path, &file->descriptor, &file->size));
    TRY(arena_create("header of a safetensors file", &a));
    sigmoe_status status = parse_file(file, expected, a);
    arena_destroy(a);
    return status;
}

sigmoe_status safetensors_open(const char *path, int64_t expected, safetensors_file **out) {
    arena *memory;
    safetensors_file *file;
    TRY(ARENA_AROUND("safetensors", memory, file));
    file->memory = memory;
    file->descriptor = -1;
    file->path = arena_text(memory, "%s", path);
    sigmoe_status status = file->path ? read_file(file, expected) : SIGMOE_NO_MEMORY;
    if (status == SIGMOE_OK)
        *out = file;
    else
        safetensors_close(file);
    return status;
}

void safetensors_close(safetensors_file *file) {
    if (!file) return;
    for (int i = 0; i < file->shard_count; i++) safetensors_close(file->shards[i]);
    if (file->descriptor >= 0) close(file->descriptor);
    arena_destroy(file->memory);
}

int safetensors_count(const safetensors_file *file) {
    return file->count;
}
const stored_tensor *safetensors_at(const safetensors_file *file, int index) {
    return &file->tensors[index];
}

const stored_tensor *safetensors_find(const safetensors_file *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

static bool same_shape(const stored_tensor *t, int dims, const int64_t *shape) {
    bool same = t->dims == dims;
    for (int i = 0; same && i < dims; i++) same = t->shape[i] == shape[i];
    return same;
}

static void print_shape(char *text, size_t size, int dims, const int64_t *shape) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < dims && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", shape[i]);
    if (used < size) snprintf(text + used, size - used, "]");
}

static sigmoe_status find_of_shape(const safetensors_file *file, const char *name, int dims,
    const int64_t *shape, const stored_tensor **out) {
    const stored_tensor *t = safetensors_find(file, name);
    if (!t) return fail(SIGMOE_BAD_FORMAT, "%s: tensor \"%s\" is missing", file->path, name);
    if (!same_shape(t, dims, shape)) {
        char has[200], needed[200];
        print_shape(has, sizeof has, t->dims, t->shape);
        print_shape(needed, sizeof needed, dims, shape);
        return fail(SIGMOE_BAD_FORMAT, "%s: tensor \"%s\" has shape %s where %s is needed", file->path, name,
            has, needed);
    }
    *out = t;
    return SIGMOE_OK;
}

// Like safetensors_check, and also returns the tensor.
static sigmoe_status find_readable(const safetensors_file *file, const char *name, tensor_type type, int dims,
    const int64_t *shape, const stored_tensor **out) {
    TRY(find_of_shape(file, name, dims, shape, out));
    tensor_type has = (*out)->type;
    if (has == type || (has == TENSOR_BF16 && type == TENSOR_F32)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "%s: tensor \"%s\" is %s where %s is needed", file->path, name,
        safetensors_types[has].name, type == TENSOR_F32 ? "F32 or BF16" : safetensors_types[type].name);
}

sigmoe_status safetensors_check(
    const safetensors_file *file, const char *name, tensor_type type, int dims, const int64_t *shape) {
    const stored_tensor *t;
    return find_readable(file, name, type, dims, shape, &t);
}

sigmoe_status safetensors_refuse_others(
    const safetensors_file *file, safetensors_known *known, const void *context, const char *reader) {
    for (int i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (!known(context, name))
            return fail(SIGMOE_BAD_FORMAT, "%s has no place for the tensor \"%.100s\"", reader, name);
    }
    return SIGMOE_OK;
}

static sigmoe_status read_part(const stored_tensor *t, tensor_range range, void *out) {
    int64_t size = safetensors_types[t->type].size;
    sigmoe_status status = file_read_at(t->holder->descriptor, t->holder->path,
        t->offset + range.first * size, (size_t)(range.count * size), out);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "tensor \"%.80s\"", t->name);
}

sigmoe_status safetensors_read(const stored_tensor *t, void *out) {
    return read_part(t, (tensor_range){0, t->count}, out);
}

// The stored values lie in the upper half of the place for their float32 ones, and are widened from the first on: value i takes
// bytes 4 i to 4 i + 4, and those behind them are still to come.
static void widen_bf16(int64_t count, float *out) {
    const unsigned char *stored = (const unsigned char *)(out + count) - 2 * count;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)stored[2 * i] << 16 | (uint32_t)stored[2 * i + 1] << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

static sigmoe_status read_f32(const stored_tensor *t, tensor_range range, float *out) {
    if (t->type != TENSOR_BF16) return read_part(t, range, out);
    TRY(read_part(t, range, (char *)(out + range.count) - 2 * range.count));
    widen_bf16(range.count, out);
    return SIGMOE_OK;
}

sigmoe_status safetensors_read_f32(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, float *out) {
    const stored_tensor *t = NULL;
    TRY(find_readable(file, name, TENSOR_F32, dims, shape, &t));
    return read_f32(t, (tensor_range){0, t->count}, out);
}

sigmoe_status safetensors_read_range(const safetensors_file *file, const char *name, int dims,
    const int64_t *shape, tensor_range range, float *out) {
    const stored_tensor *t = NULL;
    TRY(find_readable(file, name, TENSOR_F32, dims, shape, &t));
    return read_f32(t, range, out);
}

sigmoe_status safetensors_read_i8(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, int8_t *out) {
    const stored_tensor *t = NULL;
    TRY(find_readable(file, name, TENSOR_I8, dims, shape, &t));
    return safetensors_read(t, out);
}

sigmoe_status safetensors_read_i32(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, int32_t *out) {
    const stored_tensor *t = NULL;
    TRY(find_readable(file, name, TENSOR_I32, dims, shape, &t));
    return safetensors_read(t, out);
}
