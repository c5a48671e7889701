// Loss terms that balance the use of the experts, in training, over the whole batch. With p = mean_t softmax(r_t) of the raw
// logits, f_e the share of all (token, slot) pairs sent to e (constant in the gradient), I_e = Σ_t w_te:
//   entropy      γ · Σ_e p_e log p_e            switch_mean  γ · mean_e(f_e p_e)
//   switch       γ · N_E · Σ_e f_e p_e          cv           γ · std_e(I_e) / mean_e(I_e)  (the paper's Eq. 14)
#pragma once

#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

typedef struct regularization {
    bool active;
    bool of_weights;      // a function of I, else of p
    int64_t tokens;       // of the whole batch
    double *slope;        // [N_E]: its derivative by I_e or p_e, times γ
    matrix probabilities; // [T, N_E]: softmax(r_t), where it is a function of p
} regularization;

extern const char *const regularizer_names[]; // by moe_regularizer, NULL-terminated

// Whether these options make a term of the loss.
bool regularizer_applies(const moe_options *options);
// In training, adds the layer's term to step->regularizer. Allocates what the backward pass needs from ff_home.
sigmoe_status regularize(const ff_layer *layer, step_context *step, const routing *r, regularization *out);
// Adds the gradient with respect to the weights [T, K].
void regularize_weights(
    const kernel_context *kernel, const regularization *g, const routing *r, real *dweight);
// Adds the gradient with respect to the logits [T, N_E].
void regularize_logits(
    const kernel_context *kernel, const regularization *g, const routing *r, matrix dlogits);
