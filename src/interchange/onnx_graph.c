#include "interchange/onnx_graph.h"

#include "interchange/protobuf.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 8, OPSET = 17, MOST_INPUTS = 8 };

typedef struct stored_values {
    const char *name;
    onnx_type type;
    int dims;
    int64_t shape[4];
    const void *bytes;
    size_t size;
    struct stored_values *next;
} stored_values;

struct onnx_graph {
    arena *arena; // holds all of it
    message nodes;
    stored_values *first, **last;
    int names;
    kept_failure failure;
};

sigmoe_status onnx_create(onnx_graph **out) {
    arena *a;
    onnx_graph *g;
    TRY(ARENA_AROUND("graph", a, g));
    g->arena = a;
    g->nodes = message_in(a);
    g->last = &g->first;
    *out = g;
    return SIGMOE_OK;
}

void onnx_destroy(onnx_graph *g) {
    if (g) arena_destroy(g->arena);
}

static bool works(onnx_graph *g, sigmoe_status status) {
    if (status != SIGMOE_OK && g->failure.status == SIGMOE_OK) g->failure = failure_keep(status);
    return g->failure.status == SIGMOE_OK;
}

static const char *new_name(onnx_graph *g) {
    const char *name = arena_text(g->arena, "v%d", g->names++);
    return works(g, name ? SIGMOE_OK : SIGMOE_NO_MEMORY) ? name : "";
}

// ---------------------------------------------------------------- tensors

static const char *add_tensor(onnx_graph *g, const char *name, onnx_type type, int dims, const int64_t *shape,
    const void *bytes, size_t size) {
    stored_values *t;
    if (!works(g, ARENA_NEW(g->arena, t, 1))) return "";
    *t = (stored_values){.name = name, .type = type, .dims = dims, .bytes = bytes, .size = size};
    for (int i = 0; i < dims; i++) t->shape[i] = shape[i];
    *g->last = t;
    g->last = &t->next;
    return t->name;
}

static const char *add_copy(
    onnx_graph *g, onnx_type type, int dims, int64_t count, const void *values, size_t width) {
    char *copy;
    if (!works(g, ARENA_NEW(g->arena, copy, count * (int64_t)width))) return "";
    memcpy(copy, values, (size_t)count * width);
    return add_tensor(g, new_name(g), type, dims, &count, copy, (size_t)count * width);
}

const char *onnx_tensor(
    onnx_graph *g, const char *name, onnx_type type, int dims, const int64_t *shape, const void *bytes) {
    for (const stored_values *t = g->first; t; t = t->next)
        if (strcmp(t->name, name) == 0) return t->name;
    size_t size = type == ONNX_FLOAT || type == ONNX_INT32 ? 4 : 8;
    for (int i = 0; i < dims; i++) size *= (size_t)shape[i];
    const char *copy = arena_text(g->arena, "%s", name);
    if (!works(g, copy ? SIGMOE_OK : SIGMOE_NO_MEMORY)) return "";
    return add_tensor(g, copy, type, dims, shape, bytes, size);
}

const char *onnx_int(onnx_graph *g, int64_t value) {
    return add_copy(g, ONNX_INT64, 0, 1, &value, sizeof value);
}

const char *onnx_ints(onnx_graph *g, int count, const int64_t *values) {
    return add_copy(g, ONNX_INT64, 1, count, values, sizeof *values);
}

const char *onnx_float(onnx_graph *g, float value) {
    return add_copy(g, ONNX_FLOAT, 0, 1, &value, sizeof value);
}

const char *onnx_doubles(onnx_graph *g, int64_t count, const double *values) {
    return add_copy(g, ONNX_DOUBLE, 1, count, values, sizeof *values);
}

// TensorProto up to its data: dims 1, data_type 2, name 8, raw_data 9.
static message tensor_head(const stored_values *t, arena *a) {
    message m = message_in(a);
    for (int i = 0; i < t->dims; i++) put_int(&m, 1, t->shape[i]);
    put_int(&m, 2, t->type);
    put_text(&m, 8, t->name);
    put_head(&m, 9, t->size);
    return m;
}

// ---------------------------------------------------------------- operators

// AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7). Returns what follows the attribute.
static const char *put_attribute(message *node, const char *text) {
    enum { FLOAT = 1, INT = 2, INTS = 7 };
    message m = message_in(node->arena);
    size_t name = strcspn(text, "=");
    const char *value = text + name + 1;
    size_t length = strcspn(value, " ");
    bool several = memchr(value, ',', length) != NULL;
    put_bytes(&m, 1, text, name);
    if (memchr(value, '.', length) || memchr(value, 'e', length)) {
        put_float(&m, 2, strtof(value, NULL));
        put_int(&m, 20, FLOAT);
    } else {
        for (const char *at = value; at < value + length; at += strcspn(at, ", ") + 1)
            put_int(&m, several ? 8 : 3, strtoll(at, NULL, 10));
        put_int(&m, 20, several ? INTS : INT);
    }
    put_message(node, 5, &m);
    value += length;
    return value + strspn(value, " ");
}

const char *onnx_second_output(onnx_graph *g, const char *first) {
    const char *name = arena_text(g->arena, "%s.1", first);
    return works(g, name ? SIGMOE_OK : SIGMOE_NO_MEMORY) ? name : "";
}

const char *onnx_called(onnx_graph *g, const char *name, const char *value) {
    message node = message_in(g->arena);
    put_text(&node, 1, value);
    put_text(&node, 2, name);
    put_text(&node, 4, "Identity");
    put_message(&g->nodes, 1, &node);
    return name;
}

// NodeProto: input 1, output 2, op_type 4, attribute 5.
const char *onnx_op(onnx_graph *g, const char *type, const char *attributes, ...) {
    const char *name = new_name(g), *input;
    message node = message_in(g->arena);
    va_list inputs;
    va_start(inputs, attributes);
    while ((input = va_arg(inputs, const char *))) put_text(&node, 1, input);
    va_end(inputs);
    put_text(&node, 2, name);
    if (strcmp(type, "TopK") == 0) put_text(&node, 2, onnx_second_output(g, name)); // alone here has two
    put_text(&node, 4, type);
    while (*attributes) attributes = put_attribute(&node, attributes);
    put_message(&g->nodes, 1, &node);
    return works(g, g->nodes.status) ? name : "";
}

// ---------------------------------------------------------------- the file

// ValueInfoProto: name 1, type 2 {tensor_type 1 {elem_type 1, shape 2 {dim 1 {dim_value 1 or dim_param 2}}}}.
static void put_end(message *graph, int field, const onnx_end *end, const char *const *free_extents) {
    message info = message_in(graph->arena), type = info, tensor = info, shape = info;
    for (int i = 0; i < end->dims; i++) {
        message extent = message_in(graph->arena);
        if (end->shape[i] < 0)
            put_text(&extent, 2, free_extents[-1 - end->shape[i]]);
        else
            put_int(&extent, 1, end->shape[i]);
        put_message(&shape, 1, &extent);
    }
    put_int(&tensor, 1, end->type);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&info, 1, end->name);
    put_message(&info, 2, &type);
    put_message(graph, field, &info);
}

// A tensor as a field of the graph, up to its data.
static message tensor_field(const stored_values *t, arena *a) {
    message head = tensor_head(t, a), field = message_in(a);
    put_head(&field, 5, head.size + t->size);
    return field;
}

typedef struct graph_parts {
    message model; // fields before the graph, and its beginning
    message graph; // its nodes and ends, which precede the tensors
} graph_parts;

static sigmoe_status write_parts(const onnx_graph *g, file_writer *w, const graph_parts *p) {
    TRY(file_writer_write(w, p->model.bytes, p->model.size));
    TRY(file_writer_write(w, p->graph.bytes, p->graph.size));
    for (const stored_values *t = g->first; t; t = t->next) {
        message field = tensor_field(t, g->arena), head = tensor_head(t, g->arena);
        TRY(field.status);
        TRY(head.status);
        TRY(file_writer_write(w, field.bytes, field.size));
        TRY(file_writer_write(w, head.bytes, head.size));
        TRY(file_writer_write(w, t->bytes, t->size));
    }
    return SIGMOE_OK;
}

// ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8 {domain 1, version 2}.
// GraphProto: node 1, name 2, initializer 5, input 11, output 12.
static sigmoe_status make_parts(onnx_graph *g, const onnx_end *input, const onnx_end *output,
    const char *const *free_extents, graph_parts *p) {
    message opset = message_in(g->arena);
    p->graph = g->nodes;
    put_text(&p->graph, 2, "sigmoe");
    put_end(&p->graph, 11, input, free_extents);
    put_end(&p->graph, 12, output, free_extents);
    size_t size = p->graph.size;
    for (const stored_values *t = g->first; t; t = t->next)
        size += tensor_field(t, g->arena).size + tensor_head(t, g->arena).size + t->size;
    enum { AROUND = 128 }; // bytes of the model beside its graph, at most
    if (size > INT32_MAX - AROUND)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the model would take %zu bytes, and a file of ONNX has at most %d: use another `format`", size,
            INT32_MAX);
    p->model = message_in(g->arena);
    put_int(&p->model, 1, IR_VERSION);
    put_text(&p->model, 2, "sigmoe");
    put_text(&p->model, 3, SIGMOE_VERSION);
    put_text(&opset, 1, "");
    put_int(&opset, 2, OPSET);
    put_message(&p->model, 8, &opset);
    put_head(&p->model, 7, size);
    return p->graph.status != SIGMOE_OK ? p->graph.status : p->model.status;
}

sigmoe_status onnx_write(onnx_graph *g, const char *path, const onnx_end *input, const onnx_end *output,
    const char *const *free_extents) {
    graph_parts parts;
    file_writer w;
    if (g->failure.status != SIGMOE_OK) return failure_again(&g->failure);
    TRY(make_parts(g, input, output, free_extents, &parts));
    TRY(file_writer_open(&w, path));
    return file_writer_end(&w, write_parts(g, &w, &parts));
}
