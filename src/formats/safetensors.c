#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_print.h"
#include "formats/safetensors_state.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PREFIX = 8, MOST_DIMS = 8, DATA_ALIGNMENT = 8 };
// Limits on JSON values: a tensor is {dtype, shape: [up to MOST_DIMS], data_offsets: [2]}; the rest is for metadata and unknown
// tensors.
enum { VALUES_OF_TENSOR = 16, MORE_VALUES = 4096 };
static const char METADATA[] = "__metadata__"; // the key of what is no tensor
static const uint64_t LONGEST_HEADER = 100 * 1000 * 1000;

static const struct {
    const char *name;
    int64_t size;
} types[] = {
    [TENSOR_F32] = {"F32", 4},
    [TENSOR_BF16] = {"BF16", 2},
    [TENSOR_I8] = {"I8", 1},
    [TENSOR_I32] = {"I32", 4},
    [TENSOR_I64] = {"I64", 8},
    [TENSOR_F64] = {"F64", 8},
};
enum { TYPES = sizeof types / sizeof *types };

static sigmoe_status read_type(const json_t *entry, tensor_type *type) {
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name) return fail(SIGMOE_BAD_FORMAT, "its dtype is missing or not a string");
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) != 0) continue;
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
    if (!size_product(&bytes, t->count, types[t->type].size) || bytes != end - begin)
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
        covered += t->count * types[t->type].size;
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
                 : fail(SIGMOE_BAD_FORMAT, "%s: \"%s\" must be an object of texts", file->path, METADATA);
}

static sigmoe_status read_tensors(safetensors_file *file, json_t *header, int64_t data) {
    int64_t data_size = file->size - data;
    TRY(ARENA_NEW(file->memory, file->tensors, json_object_size(header)));
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, METADATA) == 0) {
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
    if (file->size < PREFIX)
        return fail(SIGMOE_BAD_FORMAT, "%s: with %" PRId64 " byte%s it is too short for a safetensors file",
            file->path, file->size, plural(file->size));
    TRY(file_read_at(file->descriptor, file->path, 0, PREFIX, length));
    *length = le64toh(*length);
    if (*length > LONGEST_HEADER)
        return fail(SIGMOE_BAD_FORMAT, "%s: a header of %" PRIu64 " bytes: this is no safetensors file",
            file->path, *length);
    if (*length > (uint64_t)(file->size - PREFIX))
        return fail(SIGMOE_BAD_FORMAT, "%s: the file ends inside its header; it is cut short", file->path);
    TRY(ARENA_NEW_RAW(a, *text, (int64_t)*length));
    TRY(file_read_at(file->descriptor, file->path, PREFIX, *length, *text));
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
    sigmoe_status status = read_tensors(file, header, PREFIX + (int64_t)length);
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
        types[has].name, type == TENSOR_F32 ? "F32 or BF16" : types[type].name);
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
    int64_t size = types[t->type].size;
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

static sigmoe_status size_of(const tensor_to_write *t, int64_t *bytes) {
    bool fits = true;
    *bytes = types[t->type].size;
    for (int i = 0; i < t->dims; i++) fits = fits && size_product(bytes, *bytes, t->shape[i]);
    return fits ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "tensor \"%s\" is too large to be written", t->name);
}

static json_t *shape_of(const tensor_to_write *t) {
    json_t *shape = json_array();
    for (int i = 0; i < t->dims; i++)
        if (json_array_append_new(shape, json_integer(t->shape[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return shape;
}

// {"dtype": ..., "shape": [...], "data_offsets": [...]}; advances *offset past the tensor. NULL members (out of memory) make
// the packing fail as a whole.
static sigmoe_status describe(json_t *header, const tensor_to_write *t, int64_t *offset) {
    int64_t bytes;
    TRY(size_of(t, &bytes));
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", types[t->type].name, "shape", shape_of(t),
        "data_offsets", (json_int_t)*offset, (json_int_t)(*offset + bytes));
    if (json_object_get(header, t->name)) {
        json_decref(entry);
        return fail(SIGMOE_BAD_ARGUMENT, "tensor \"%s\" is given twice", t->name);
    }
    *offset += bytes;
    return json_object_set_new(header, t->name, entry) == 0
               ? SIGMOE_OK
               : fail(SIGMOE_NO_MEMORY, "no memory for a header");
}

static sigmoe_status write_all(
    file_writer *w, const char *header, const tensor_to_write *tensors, int count) {
    // Spaces after the header (the format allows them) align the data.
    uint64_t length = strlen(header);
    uint64_t padding = (DATA_ALIGNMENT - length % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    uint64_t prefix = htole64(length + padding);
    TRY(file_writer_write(w, &prefix, sizeof prefix));
    TRY(file_writer_write(w, header, length));
    TRY(file_writer_write(w, "        ", padding));
    for (int i = 0; i < count; i++) {
        const tensor_to_write *t = &tensors[i];
        const void *bytes = t->bytes;
        int64_t size;
        TRY(size_of(t, &size));
        if (t->bring) TRY(t->bring(t->source, &bytes));
        TRY(file_writer_write(w, bytes, (size_t)size));
    }
    return SIGMOE_OK;
}

sigmoe_status safetensors_write(const char *path, const tensor_to_write *tensors, int count) {
    return safetensors_write_marked(path, NULL, tensors, count);
}

sigmoe_status safetensors_write_marked(
    const char *path, const char *format, const tensor_to_write *tensors, int count) {
    sigmoe_status status;
    json_t *header = json_object();
    char *text = NULL;
    int64_t offset = 0;
    if (format) TRY_OR(done, json_put(header, METADATA, json_pack("{s:s}", "format", format)));
    for (int i = 0; i < count; i++) TRY_OR(done, describe(header, &tensors[i], &offset));
    text = json_print(header, JSON_COMPACT);
    if (!text) {
        status = fail(SIGMOE_NO_MEMORY, "no memory for the header of %s", path);
        goto done;
    }
    file_writer w;
    TRY_OR(done, file_writer_open(&w, path));
    status = file_writer_end(&w, write_all(&w, text, tensors, count));
done:
    free(text);
    json_decref(header);
    return status;
}
