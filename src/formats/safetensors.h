// safetensors: 8-byte little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, data.
// Types: F32, BF16 (widened to f32), I8, I32, I64, F64; NaN is allowed at this level. Every offset and size is checked: the tensors
// must fill the data exactly, without overlaps or gaps. The header alone is read when a file is opened.
#pragma once

#include "base/tensor.h"
#include "system/file.h"

typedef enum tensor_type {
    TENSOR_F32,
    TENSOR_BF16,
    TENSOR_I8,
    TENSOR_I32,
    TENSOR_I64,
    TENSOR_F64
} tensor_type;

typedef struct safetensors_file safetensors_file;

typedef struct stored_tensor {
    const char *name;
    tensor_type type;
    int dims; // up to 8
    int64_t shape[8];
    int64_t count;
    const safetensors_file *holder; // whose file has the bytes
    int64_t offset;                 // in that file
} stored_tensor;

// `expected`: number of tensors that the reader will ask for. The header may describe some more, so that errors can name them,
// but a header with many more is refused before it takes memory.
sigmoe_status safetensors_open(const char *path, int64_t expected, safetensors_file **out);
// The same for tensors in several files, by their index (model.safetensors.index.json): each must be in the file that the index
// names, which lies beside it, and in no other.
sigmoe_status safetensors_open_shards(const char *path, int64_t expected, safetensors_file **out);
void safetensors_close(safetensors_file *file);
int safetensors_count(const safetensors_file *file);
const stored_tensor *safetensors_at(const safetensors_file *file, int index);
const stored_tensor *safetensors_find(const safetensors_file *file, const char *name); // NULL when absent
// Checks for a tensor of exactly this shape that can be read as TENSOR_F32 (from F32 or BF16), TENSOR_I8 or TENSOR_I32.
sigmoe_status safetensors_check(
    const safetensors_file *file, const char *name, tensor_type type, int dims, const int64_t *shape);
// Refuses the file if it has a tensor that is not `known` to the reader: "... has no place for the tensor".
typedef bool safetensors_known(const void *context, const char *name);
sigmoe_status safetensors_refuse_others(
    const safetensors_file *file, safetensors_known *known, const void *context, const char *reader);
// Copies the bytes of a tensor as they are stored; those of a file that was cut since it was opened are SIGMOE_BAD_FORMAT.
sigmoe_status safetensors_read(const stored_tensor *t, void *out);
// Reads a tensor of exactly this shape as float32 (from F32 or BF16), int8 or int32. Errors name the file and tensor.
sigmoe_status safetensors_read_f32(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, float *out);
// The same of some of its values, which lie within it: out [range.count].
sigmoe_status safetensors_read_range(const safetensors_file *file, const char *name, int dims,
    const int64_t *shape, tensor_range range, float *out);
sigmoe_status safetensors_read_i8(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, int8_t *out);
sigmoe_status safetensors_read_i32(
    const safetensors_file *file, const char *name, int dims, const int64_t *shape, int32_t *out);

// Writing: all tensors are described first, then the file is written at once (temporary name, fsync, rename). `bytes` are
// borrowed during the call. Where they are not all in memory, `bring` is called when a tensor's turn has come: what it hands out is
// used until the next one's.
typedef struct tensor_to_write {
    const char *name;
    tensor_type type;
    int dims;
    int64_t shape[8];
    const void *bytes;
    sigmoe_status (*bring)(const void *source, const void **bytes); // NULL: `bytes` are there
    const void *source;
} tensor_to_write;
sigmoe_status safetensors_write(const char *path, const tensor_to_write *tensors, int count);
// The same with "format" in the header's metadata, as other programs expect it: "pt".
sigmoe_status safetensors_write_marked(
    const char *path, const char *format, const tensor_to_write *tensors, int count);

// Where the bytes of a file will lie, for processes that write it together: each makes the same layout. In the arena.
typedef struct safetensors_layout {
    char *head; // all that is before the tensors
    size_t head_size;
    int64_t *offsets; // [count + 1], in the file: where each tensor begins, and at last the file's size
} safetensors_layout;
sigmoe_status safetensors_lay_out(
    const char *format, const tensor_to_write *tensors, int count, arena *a, safetensors_layout *out);
