// The differences between oneDNN 2 and 3, for version 3; onednn_2.h defines the same names.
#pragma once

#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>

typedef dnnl_memory_desc_t layout;

// Whether an operand that is a single row or column (m or n is 1) may have strided elements. Version 3.7 accesses some of these
// as if they were contiguous (its brgemm, on AVX-512).
enum { TAKES_SPREAD_VECTORS = 0 };

static inline dnnl_status_t layout_make(
    layout *out, int dimensions, dnnl_dims_t sizes, dnnl_data_type_t type, dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(out, dimensions, sizes, type, strides);
}

static inline void layout_drop(layout *l) {
    if (*l) dnnl_memory_desc_destroy(*l);
    *l = NULL;
}

// Memory of that layout; the address is set later.
static inline dnnl_status_t layout_memory(dnnl_memory_t *out, const layout *l, dnnl_engine_t engine) {
    return dnnl_memory_create(out, *l, engine, DNNL_MEMORY_NONE);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
}

static inline dnnl_status_t append_relu(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0);
}

// c = a·b + bias, then what the attributes specify; bias may be NULL.
static inline dnnl_status_t describe_matmul(dnnl_primitive_desc_t *out, const layout *a, const layout *b,
    const layout *bias, const layout *c, const_dnnl_primitive_attr_t attributes, dnnl_engine_t engine) {
    return dnnl_matmul_primitive_desc_create(out, engine, *a, *b, bias ? *bias : NULL, *c, attributes);
}
