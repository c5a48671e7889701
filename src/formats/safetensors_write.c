#include "formats/json_objects.h"
#include "formats/json_print.h"
#include "formats/safetensors_state.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_ALIGNMENT = 8 };

// ---------------------------------------------------------------- layout

static sigmoe_status size_of(const tensor_to_write *t, int64_t *bytes) {
    bool fits = true;
    *bytes = safetensors_types[t->type].size;
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

// {"dtype": ..., "shape": [...], "data_offsets": [...]}. NULL members (out of memory) make the packing fail as a whole.
static sigmoe_status describe(json_t *header, const tensor_to_write *t, int64_t begin, int64_t end) {
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", safetensors_types[t->type].name, "shape",
        shape_of(t), "data_offsets", (json_int_t)begin, (json_int_t)end);
    if (json_object_get(header, t->name)) {
        json_decref(entry);
        return fail(SIGMOE_BAD_ARGUMENT, "tensor \"%s\" is given twice", t->name);
    }
    return json_object_set_new(header, t->name, entry) == 0
               ? SIGMOE_OK
               : fail(SIGMOE_NO_MEMORY, "no memory for a header");
}

// offsets [count + 1] are those of the data, without the head.
static sigmoe_status describe_all(
    json_t *header, const char *format, const tensor_to_write *tensors, int count, int64_t *offsets) {
    if (format) TRY(json_put(header, SAFETENSORS_METADATA, json_pack("{s:s}", "format", format)));
    offsets[0] = 0;
    for (int i = 0; i < count; i++) {
        int64_t bytes;
        TRY(size_of(&tensors[i], &bytes));
        if (__builtin_add_overflow(offsets[i], bytes, &offsets[i + 1]))
            return fail(SIGMOE_BAD_ARGUMENT, "tensor \"%s\" is too large to be written", tensors[i].name);
        TRY(describe(header, &tensors[i], offsets[i], offsets[i + 1]));
    }
    return SIGMOE_OK;
}

// Spaces after the header (the format allows them) align the data.
static sigmoe_status make_head(const char *header, arena *a, safetensors_layout *out) {
    size_t length = strlen(header), padding = (DATA_ALIGNMENT - length % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    uint64_t prefix = htole64(length + padding);
    out->head_size = SAFETENSORS_PREFIX + length + padding;
    TRY(ARENA_NEW_RAW(a, out->head, out->head_size));
    memcpy(out->head, &prefix, sizeof prefix);
    memcpy(out->head + sizeof prefix, header, length);
    memset(out->head + sizeof prefix + length, ' ', padding);
    return SIGMOE_OK;
}

sigmoe_status safetensors_lay_out(
    const char *format, const tensor_to_write *tensors, int count, arena *a, safetensors_layout *out) {
    sigmoe_status status;
    json_t *header = json_object();
    char *text = NULL;
    TRY_OR(done, ARENA_NEW_RAW(a, out->offsets, count + 1));
    TRY_OR(done, describe_all(header, format, tensors, count, out->offsets));
    text = json_print(header, JSON_COMPACT);
    status = text ? make_head(text, a, out) : fail(SIGMOE_NO_MEMORY, "no memory for a header");
    for (int i = 0; i <= count && status == SIGMOE_OK; i++) out->offsets[i] += (int64_t)out->head_size;
done:
    free(text);
    json_decref(header);
    return status;
}

// ---------------------------------------------------------------- by one process

static sigmoe_status write_all(
    file_writer *w, const safetensors_layout *layout, const tensor_to_write *tensors, int count) {
    TRY(file_writer_write(w, layout->head, layout->head_size));
    for (int i = 0; i < count; i++) {
        const tensor_to_write *t = &tensors[i];
        const void *bytes = t->bytes;
        if (t->bring) TRY(t->bring(t->source, &bytes));
        TRY(file_writer_write(w, bytes, (size_t)(layout->offsets[i + 1] - layout->offsets[i])));
    }
    return SIGMOE_OK;
}

sigmoe_status safetensors_write(const char *path, const tensor_to_write *tensors, int count) {
    return safetensors_write_marked(path, NULL, tensors, count);
}

sigmoe_status safetensors_write_marked(
    const char *path, const char *format, const tensor_to_write *tensors, int count) {
    sigmoe_status status;
    safetensors_layout layout;
    file_writer w;
    arena *a;
    TRY(arena_create("header of a safetensors file", &a));
    TRY_OR(done, safetensors_lay_out(format, tensors, count, a, &layout));
    TRY_OR(done, file_writer_open(&w, path));
    status = file_writer_end(&w, write_all(&w, &layout, tensors, count));
done:
    arena_destroy(a);
    return status;
}
