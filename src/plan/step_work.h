// What one training step of a model asks of a machine, counted from its configuration: operations, bytes in memory and bytes between
// processes. Nothing here depends on how fast anything is.
#pragma once

#include "model/config.h"

typedef enum work_part {
    WORK_PROJECTIONS, // of attention
    WORK_ATTENTION,   // scores and values
    WORK_FEEDFORWARD, // of blocks without experts
    WORK_EXPERTS,     // with their router
    WORK_LOGITS,      // with their loss
    WORK_PARTS
} work_part;

// Of a rank that has some of the batch's sequences, with full memory; forward and backward.
typedef struct step_work {
    double operations[WORK_PARTS];   // a multiply-add is two
    double weight_bytes[WORK_PARTS]; // weights are read in both passes, their gradients read and written
    double stream_bytes;             // of what is no product: norms, dropout, residuals, the memory
    double shared, experts;          // parameters: what every token needs; those of all experts
    // Of these, those whose values ZeRO divides, and sends rounded: operands of products in bf16 (train/update.h).
    double shared_masters, expert_masters;
    double shared_bytes;          // values and gradients, with rounded copies
    double expert_bytes;          // the same of all experts
    double activation_bytes;      // with scratch and the memory's rows
    double routed_bytes;          // rows [tokens, K, d] in f32 that a layer sends to experts
    double gathered_bytes;        // what a layer's regularizer or Sinkhorn tells each other rank; 0: nothing
    int64_t layers, expert_count; // expert_count: of a layer; 0: there are none
} step_work;

// SIGMOE_BAD_ARGUMENT: the model is invalid, or a product-key memory that sums few of its values, which are no products.
sigmoe_status step_work_of(const model_config *model, int64_t sequences, dtype operands, step_work *out);

// The dense model of as many parameters.
sigmoe_status dense_twin(const model_config *model, model_config *out);
