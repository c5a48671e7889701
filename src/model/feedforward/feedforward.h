// The common interface of all approximations of the feedforward block: u = act(W1 x), y = W2 u, where a variant only decides
// which channels of u are computed and summed (Section 3 of the paper). A new variant is one file and one line in
// feedforward.inc: configuration, --help, checkpoints, gradient check, FLOPs, bench and compare iterate over the registry.
#pragma once

#include "base/option.h"
#include "model/parameters.h"
#include "model/step.h"

typedef struct dense_options {
    int64_t d_ff;
} dense_options;

typedef struct topk_options {
    int64_t d_ff, k;
    bool norm_compensation; // rank by u_i · ‖column i of W2‖
} topk_options;

typedef enum pkm_activation { PKM_RELU, PKM_SOFTMAX } pkm_activation;
typedef enum pkm_init { PKM_INIT_STANDARD, PKM_INIT_DENSE_EQUIVALENT } pkm_init;
typedef struct pkm_options {
    int64_t n_heads, n_subkeys, knn;
    int activation; // pkm_activation
    int init;       // pkm_init
} pkm_options;

typedef enum moe_regularizer {
    REGULARIZER_NONE,
    REGULARIZER_ENTROPY,
    REGULARIZER_SWITCH,
    REGULARIZER_SWITCH_MEAN,
    REGULARIZER_CV,
} moe_regularizer;
typedef enum moe_init { MOE_INIT_DENSE_EQUIVALENT, MOE_INIT_STANDARD, MOE_INIT_SWITCH } moe_init;
typedef struct moe_options {
    int64_t n_experts, expert_size, k;
    int router; // index into the registry router.inc
    double expert_dropout;
    double dropout;  // "standard dropout", inside the experts
    int regularizer; // moe_regularizer
    double regularizer_weight;
    int64_t channels_kept; // of the k * expert_size chosen channels; 0: all
    int init;              // moe_init
} moe_options;

typedef union ff_options {
    dense_options dense;
    topk_options topk;
    pkm_options pkm;
    moe_options moe;
} ff_options;

// What a block needs to know about the model around it.
typedef struct ff_surroundings {
    int64_t d_model, n_layers, vocab_size;
    double dropout; // the model's rate
} ff_surroundings;

typedef struct ff_variant ff_variant;

// One block of one layer.
typedef struct ff_layer {
    const ff_variant *variant;
    ff_options options;
    ff_surroundings around;
    int layer;
    parameter_list *parameters;
    int first; // index of its first tensor in `parameters`; the variant's own order from there
} ff_layer;

struct ff_variant {
    const char *name; // config.json's ff.type
    const char *help; // one line
    option_table options;
    // Rejects values that are each in range but do not fit together; the message names the key ("ff.k").
    sigmoe_status (*check)(const ff_options *options, const ff_surroundings *around);
    // Declares the tensors "layers.<i>.ff.…" in the variant's order.
    sigmoe_status (*declare)(
        const ff_options *options, const ff_surroundings *around, int layer, parameter_list *list);
    // x [T, d] -> y [T, d], overwritten. *saved receives what backward needs (in step->activations). In forward and backward, x
    // and dy are operands (of type step->operands), y and dx TYPE_REAL. backward gets an equal x, perhaps at another address.
    sigmoe_status (*forward)(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved);
    // Overwrites dx; adds the parameters' gradients, including those of the regularizer.
    sigmoe_status (*backward)(
        const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx);
    // Multiply-adds per token, counted as in the paper: without routers; for PKM, sub-keys plus summed values.
    double (*multiply_adds)(const ff_options *options, const ff_surroundings *around);
    // Multiply-adds per token that a forward pass really executes, routers included; used for the share of the processor's
    // peak.
    double (*executed_multiply_adds)(const ff_options *options, const ff_surroundings *around);
    // Bytes per token that forward leaves in step->activations; used for the memory estimate.
    double (*saved_bytes)(const ff_options *options, const ff_surroundings *around, dtype operands);
    // Channels of the dense block that it approximates: d_ff, n², N_E * G.
    int64_t (*channels)(const ff_options *options);
    // If the loss has no gradient with respect to what selects the channels, so that the selection cannot learn: a sentence
    // that says so; otherwise "". NULL: never the case for this variant.
    void (*unlearned)(const ff_options *options, char *line, size_t size);
    // Whether, in training, the result for a token depends on the other tokens of its batch, which step->whole then has to
    // tell of. NULL: never the case for this variant.
    bool (*looks_at_batch)(const ff_options *options);
    // The number of experts, and whether the router has logits. NULL: the variant has no experts.
    int64_t (*experts)(const ff_options *options, bool *has_logits);
};
