// What `bench kernel` measures: each operation on shapes of the WT-S models.
#pragma once

#include "bench/bench.h"
#include "kernels/adam/adam.h"
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "kernels/relative_attention/relative_attention.h"
#include "kernels/sparse_gemm/sparse_gemm.h"
#include "kernels/weighted_rows/weighted_rows.h"

typedef struct kernel_case kernel_case;

// A case's data, created once and used by every implementation.
typedef struct kernel_run {
    kernel_context kernel;
    arena *a;
    sigmoe_dtype operands; // of products
    double flops;          // of one run; 0 if it only compares and moves
    double bytes;          // minimum traffic to and from memory
    union {
        gemm_call gemm;
        sparse_gemm_call sparse;
        struct {
            expert_grouping grouping;
            expert_ffn_call call;
            expert_ffn_gradients gradients;
            matrix y;
        } experts;
        struct {
            attention_call call;
            attention_gradients gradients;
        } attention;
        struct {
            cross_entropy_call call;
            cross_entropy_gradients gradients;
        } loss;
        struct {
            layer_norm_call call;
            matrix y, dy, dx;
            real *dweight, *dbias;
        } norm;
        adam_call adam;
        struct {
            weighted_rows_call call;
            row_pairs pairs;
            matrix y, dvalues; // y is the gradient in the backward
            real *dweight;
        } values;
        struct {
            matrix x, y;
            real *scores;
            int32_t *indices;
        } rows;
    };
} kernel_run;

struct kernel_case {
    const char *operation, *shape;
    sigmoe_dtype operands;
    sigmoe_status (*prepare)(kernel_run *run); // also counts flops and bytes
    sigmoe_status (*once)(kernel_run *run);
};

const kernel_case *kernel_case_at(int index); // NULL past the end
