// Statistics of what the feedforward blocks do with a text: which channels fire, which experts a router picks, and with what
// weights. Every forward pass adds to the statistics that its step_context points to, if any; without them nothing is
// computed. One thread counts, in token order, so the results do not depend on the number of threads.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "model/feedforward/routing.h"
#include "model/feedforward/variant.h"

enum { FF_OCCASIONS = 8 }; // kept of each expert
// Pairs are counted for at most this many experts: for more, the square of their number would fill the memory.
enum { FF_MOST_PAIRED = 1024 };

// Training records the totals; details are pairs of experts and the tokens each expert fired on.
typedef enum ff_detail { FF_TOTALS, FF_DETAILS } ff_detail;

// A token that an expert served with a high weight.
typedef struct ff_occasion {
    double weight;
    int64_t position; // in the text
    int32_t token;
} ff_occasion;

typedef struct ff_layer_statistics {
    int64_t tokens;
    double active, active_squares; // sums over tokens of the number of channels above 0, and of its square
    int64_t
        *fired; // [channels]: tokens for which it was above 0; for an MoE channel g of expert e is e·G + g

    // For an MoE:
    double *weight;    // [N_E]: Σ_t w_te
    int64_t *chosen;   // [N_E]: tokens that were sent to it, those with weight 0 (dropped ones) included
    int64_t *together; // [N_E, N_E]: tokens that were sent to both; 0 on the diagonal. NULL: not counted
    double
        token_entropy; // Σ_t of the entropy of softmax(r_t), in bits; stays 0 where the router has no logits
    // [N_E, FF_OCCASIONS]: highest weight first, ties in pseudo-random order, each token id once; unused entries have position
    // -1. NULL: not kept.
    ff_occasion *occasion;
} ff_layer_statistics;

typedef struct ff_statistics {
    int64_t layers, channels;
    int64_t experts;            // 0: no MoE
    bool has_logits;            // of its router
    ff_layer_statistics *layer; // [layers], of the model's from first_layer on
    int first_layer;
    int64_t *seen; // [channels]: the last token that found a channel, plus 1; scratch of the search
    // Where the segment lies in the text, for `position`; set by the caller that supplies the segment: token t of sequence b is
    // at b * stream + first + t.
    int64_t first, stream;
} ff_statistics;

// All counts start at zero; allocated from the arena.
sigmoe_status ff_statistics_create(arena *a, const ff_variant *variant, const ff_options *options,
    int64_t layers, ff_detail detail, ff_statistics **out);

// Called by forward passes; do nothing if step->statistics is NULL. u [T, channels]: the values that are summed.
void observe_channels(const ff_layer *layer, const step_context *step, matrix u);
// u [T, n] of the channels `index` [T, n]; a channel may occur more than once.
void observe_found_channels(const ff_layer *layer, const step_context *step, matrix u, const int32_t *index);
void observe_experts(
    const ff_layer *layer, const step_context *step, const routing *r, const expert_ffn_call *experts);
