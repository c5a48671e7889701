// The ONE list of a model's tensors. Initialization, Adam, clipping, checkpoints, counting and printing iterate over it.
// Declaring needs memory for names and shapes only, so sizes are known without allocating the weights.
#pragma once

#include "base/random.h"
#include "kernels/kernel.h"

typedef enum init_kind {
    INIT_ZERO,
    INIT_ONE,
    INIT_CONSTANT,  // init_scale
    INIT_NORMAL,    // std init_scale
    INIT_UNIFORM,   // ± init_scale
    INIT_TRUNCATED, // standard normal truncated to ±2, then the tensor scaled to sample std exactly init_scale
    INIT_EQUAL_ROWS, // N(0, init_scale²), rows scaled to equal norm, then the tensor to its former sample std
    INIT_DISTINCT_CHOICES, // int32 [rows, K]: K distinct values below init_scale in each row
} init_kind;

enum { PARAMETER_MAX_DIMS = 4 };

typedef struct parameter {
    const char *name; // "layers.3.ff.experts.up"; all names: docs/formats/model.md
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
    int64_t count; // product of the shape
    init_kind init;
    double init_scale;
    bool trainable; // false: a table of int32 in `table`, no gradient
    bool product;   // an operand of matrix products: has a rounded copy under mixed precision
    bool exact;     // whose value is needed even then
    bool large;     // a matrix of weights that quantization stores in 8 bits
    bool by_expert; // its first dimension counts experts
    // Of the values, the gradient, moments and rounded copy, those that this process has: all, unless others have the rest
    // (parameters_share_experts). What lies outside is reserved, so that indices stay the same, and never touched.
    tensor_range held;
    real *value; // the rest is NULL until parameters_allocate
    real *gradient;
    tensor_range
        moments; // those values of which there are moments; set before they are allocated, the whole tensor at first
    real *moment1, *moment2; // [moments.count]
    real *master;            // [moments.count]: these values, where value is NULL and others have the rest
    bf16 *rounded;           // the value as products see it under mixed precision, or NULL: parameters_round
    int8_t *numbers;         // the value in 8 bits, and the scales of its rows, or NULL: STORE_QUANTIZED
    float *scale;
    int32_t *table;
} parameter;

typedef struct parameter_list parameter_list;

sigmoe_status parameters_create(parameter_list **out);
void parameters_destroy(parameter_list *list);

// Appends a tensor; `name` is copied. Sets *index to its index unless index is NULL.
typedef struct parameter_declaration {
    const char *name;
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
    init_kind init;
    double init_scale;
    bool is_table;
    bool product, exact, large, by_expert;
} parameter_declaration;
sigmoe_status parameters_declare(parameter_list *list, const parameter_declaration *declaration, int *index);

// The list is a part of a longer one, which has `first` tensors before it: initial values are drawn as there.
void parameters_number_from(parameter_list *list, int first);

// Of tensors by expert, this process is to have one of equal `parts` alone, and others the rest. To be called before memory is
// allocated; the number of experts is a multiple of `parts`.
void parameters_share_experts(parameter_list *list, int part, int parts);
// Whether others have some of the values.
static inline bool parameter_is_shared(const parameter *p) {
    return p->held.count < p->count;
}
// Of the values, those that this process has unrounded, and where they are.
static inline tensor_range parameter_kept(const parameter *p) {
    return p->master ? p->moments : p->held;
}
static inline real *parameter_kept_values(const parameter *p) {
    return p->master ? p->master : p->value + p->held.first;
}

int parameters_length(const parameter_list *list);
parameter *parameters_at(const parameter_list *list, int index);
int parameters_index(const parameter_list *list, const char *name);       // -1 when absent
parameter *parameters_find(const parameter_list *list, const char *name); // NULL when absent
int64_t parameters_count(const parameter_list *list);                     // Σ count of trainable tensors

typedef enum parameter_storage {
    STORE_VALUES = 0,
    STORE_GRADIENTS = 1, // values and gradients
    STORE_MOMENTS = 3,   // and moments
    STORE_ROUNDED =
        4, // values; of operands of products the rounded copies alone, for mixed precision without training
    // The same with gradients. Operands of products have masters of their values beside moments; the rest of their copies comes from
    // others after each update.
    STORE_MASTERS = STORE_ROUNDED | STORE_GRADIENTS,
    STORE_QUANTIZED = 8, // values; of large operands of products numbers of 8 bits alone
} parameter_storage;
// Where nothing is trained.
parameter_storage parameter_storage_of(sigmoe_dtype operands);
sigmoe_status parameters_allocate(parameter_list *list, parameter_storage storage);
// Beside gradients: what STORE_MOMENTS includes. And masters.
sigmoe_status parameters_allocate_moments(parameter_list *list);
// Makes room to write values, as there is from parameters_allocate until parameters_round.
sigmoe_status parameters_open(parameter_list *list);
// Whoever writes a trainable tensor's values does it between these two, which make sure of p->value: where only a rounded copy is
// stored, it is memory that all such tensors share, and after the second it is rounded, its master taken, and NULL again.
void parameter_begin(parameter_list *list, parameter *p);
void parameter_end(const parameter_list *list, parameter *p);
bool parameters_only_rounded(const parameter_list *list); // or in 8 bits: nothing is trained

// Draws values from `seed`, each tensor from its own stream (stream layer: its index in the list, or in
// the longer one that the list is a part of).
void parameters_initialize(const kernel_context *context, parameter_list *list, uint64_t seed);
// For mixed precision: gives each operand of products its rounded copy (the first time), and updates the copies to the current
// values, where there are any, unless they are up to date.
sigmoe_status parameters_round(const kernel_context *context, parameter_list *list);
// To be called after writing values by other means than parameters_initialize or adam_update with `rounded`.
void parameters_changed(parameter_list *list);
// The value as an operand of products: itself, its rounded copy, or where it is in 8 bits those, beside a TYPE_REAL operand.
matrix parameter_operand(const parameter *p, dtype type);
// The tensor as a matrix: [count / last, last] with its last dimension. `data` is p->value, p->gradient and so on.
matrix parameter_matrix(const parameter *p, real *data);
// The rows of it that this process has.
matrix parameter_held(const parameter *p, real *data);
void parameters_zero_gradients(const kernel_context *context, parameter_list *list);
// The first tensor with a NaN or infinite value among those that this process keeps; NULL if all are finite. Where a tensor has only a
// rounded copy, that counts.
const parameter *parameters_not_finite(const parameter_list *list);
