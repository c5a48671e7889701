// The differences between oneDNN 2 and 3, for version 2; onednn_3.h defines the same names.
#pragma once

#include <oneapi/dnnl/dnnl.h>

typedef dnnl_memory_desc_t layout;

enum { TAKES_SPREAD_VECTORS = 1 };

static inline dnnl_status_t layout_make(
    layout *out, int dimensions, dnnl_dims_t sizes, dnnl_data_type_t type, dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(out, dimensions, sizes, type, strides);
}

static inline void layout_drop(layout *l) {
    (void)l;
}

// Memory of that layout; the address is set later.
static inline dnnl_status_t layout_memory(dnnl_memory_t *out, const layout *l, dnnl_engine_t engine) {
    return dnnl_memory_create(out, l, engine, DNNL_MEMORY_NONE);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_sum(operations, 1);
}

static inline dnnl_status_t append_relu(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0);
}

// c = a·b + bias, then what the attributes specify; bias may be NULL.
static inline dnnl_status_t describe_matmul(dnnl_primitive_desc_t *out, const layout *a, const layout *b,
    const layout *bias, const layout *c, const_dnnl_primitive_attr_t attributes, dnnl_engine_t engine) {
    dnnl_matmul_desc_t what;
    dnnl_status_t status = dnnl_matmul_desc_init(&what, a, b, bias, c);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &what, attributes, engine, NULL) : status;
}
