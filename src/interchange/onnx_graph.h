// Builds a graph of ONNX's standard operators, and writes it as a file (protobuf, as onnx.proto describes it).
//
// Values are known by their names. A function that makes one returns its name, which lives as long as the graph. The first failure
// is kept, and what follows it does nothing: onnx_write returns it.
#pragma once

#include "base/arena.h"

typedef enum onnx_type { ONNX_FLOAT = 1, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_DOUBLE = 11 } onnx_type;

typedef struct onnx_graph onnx_graph;

sigmoe_status onnx_create(onnx_graph **out);
void onnx_destroy(onnx_graph *g); // NULL is allowed

// Tensors that are part of the file. The bytes of the first are borrowed until the graph is written; one of a name that the
// graph has already is that one.
const char *onnx_tensor(
    onnx_graph *g, const char *name, onnx_type type, int dims, const int64_t *shape, const void *bytes);
const char *onnx_int(onnx_graph *g, int64_t value);                           // a scalar
const char *onnx_ints(onnx_graph *g, int count, const int64_t *values);       // [count]
const char *onnx_float(onnx_graph *g, float value);                           // a scalar
const char *onnx_doubles(onnx_graph *g, int64_t count, const double *values); // [count]
#define ONNX_INTS(g, ...)                                                                                    \
    onnx_ints(g, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

// An operator's first output; the inputs end with NULL. Attributes: "axis=-1 perm=0,2,1", or "epsilon=1e-5" with a point or an
// exponent for a float; "axes=0," is a list of one.
const char *onnx_op(onnx_graph *g, const char *type, const char *attributes, ...) __attribute__((sentinel));
// The same value by a name of the caller's, for what comes out.
const char *onnx_called(onnx_graph *g, const char *name, const char *value);
const char *onnx_second_output(onnx_graph *g, const char *first); // of the operator that made `first`, TopK

// What goes in and comes out. A negative extent is -1 - i, where i is the index of a name in `free_extents`.
typedef struct onnx_end {
    const char *name;
    onnx_type type;
    int dims;
    int64_t shape[4];
} onnx_end;
// SIGMOE_BAD_ARGUMENT: the file would exceed the 2 GB of protobuf.
sigmoe_status onnx_write(onnx_graph *g, const char *path, const onnx_end *input, const onnx_end *output,
    const char *const *free_extents);
