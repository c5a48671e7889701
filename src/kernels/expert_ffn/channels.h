// The channels of experts before the activation, LANES hidden channels at a time: alone, or (gated) as gates and values, which
// lie in one row either one after the other or alternating. Included after operands.
#pragma once

#include "kernels/expert_ffn/activation_vector.h"
#include "kernels/expert_ffn/expert_ffn.h"

typedef struct channel_vectors {
    vec gate, value; // without a gate, only `gate` is used
} channel_vectors;

// The channels of hidden channels [j, j + LANES), of which n exist, in a row [H] of operands.
static inline channel_vectors load_channels(const expert_set *set, const operand *row, int64_t j, int64_t n) {
    if (set->gate == SIGMOE_GATE_NONE) return (channel_vectors){load_operands(row + j, n), vec_all(0)};
    if (set->gate == SIGMOE_GATE_FIRST)
        return (channel_vectors){load_operands(row + j, n), load_operands(row + set->expert_size + j, n)};
    vec low = load_operands(row + 2 * j, 2 * n), high = load_operands(row + 2 * j + LANES, 2 * n - LANES);
    return (channel_vectors){vec_evens(low, high), vec_odds(low, high)};
}

static inline void store_channels(
    const expert_set *set, operand *row, int64_t j, int64_t n, channel_vectors c) {
    if (set->gate == SIGMOE_GATE_INTERLEAVED) {
        store_operands(row + 2 * j, 2 * n, vec_alternate_low(c.gate, c.value));
        store_operands(row + 2 * j + LANES, 2 * n - LANES, vec_alternate_high(c.gate, c.value));
        return;
    }
    store_operands(row + j, n, c.gate);
    if (set->gate == SIGMOE_GATE_FIRST) store_operands(row + set->expert_size + j, n, c.value);
}

// The same from sums, where values that follow the gates are `distance` behind them.
static inline channel_vectors load_sums(sigmoe_gate gate, const float *sums, int64_t distance, int64_t j) {
    if (gate == SIGMOE_GATE_NONE) return (channel_vectors){vec_load(sums + j), vec_all(0)};
    if (gate == SIGMOE_GATE_FIRST)
        return (channel_vectors){vec_load(sums + j), vec_load(sums + distance + j)};
    vec low = vec_load(sums + 2 * j), high = vec_load(sums + 2 * j + LANES);
    return (channel_vectors){vec_evens(low, high), vec_odds(low, high)};
}

static inline vec hidden_of(sigmoe_activation activation, sigmoe_gate gate, channel_vectors c) {
    vec hidden = activate(activation, c.gate);
    if (gate != SIGMOE_GATE_NONE) hidden *= c.value;
    return hidden;
}

// The gradients of the channels, from that of the hidden channels.
static inline channel_vectors through_activation(const expert_set *set, channel_vectors c, vec dhidden) {
    activated a = activate_with_slope(set->activation, c.gate);
    if (set->gate == SIGMOE_GATE_NONE) return (channel_vectors){dhidden * a.slope, vec_all(0)};
    return (channel_vectors){dhidden * c.value * a.slope, dhidden * a.value};
}
