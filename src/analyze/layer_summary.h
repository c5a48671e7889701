// Summary figures of one layer.
#pragma once

#include "model/feedforward/statistics.h"

typedef struct layer_summary {
    double active, deviation;        // channels above 0: mean and population standard deviation over tokens
    int64_t channels, dead_channels; // never above 0
    // NaN or -1 without experts:
    int64_t experts, dead_experts; // never picked
    double usage_entropy;          // bits: of the experts' shares of the selection weight; at most log2 N_E
    double token_entropy; // bits: mean over tokens, of softmax(r_t); NaN where the router has no logits
    double largest_share; // of the selection weight
} layer_summary;
layer_summary summarize_layer(const ff_statistics *s, int64_t layer);

// The experts' shares of the layer's selection weight [N_E], in expert order.
sigmoe_status weight_shares(arena *a, const ff_statistics *s, int64_t layer, double **out);
