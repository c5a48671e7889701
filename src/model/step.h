// The context of the segment being processed, for every part of the model.
#pragma once

#include "base/random.h"
#include "kernels/kernel.h"
#include "model/expert_exchange.h"
#include "model/whole_batch.h"

#include <limits.h>

// Where a token stands: its segment, counted from 0, and its index in it.
typedef struct token_place {
    uint64_t segment;
    int64_t index;
} token_place;

// Outputs of a forward pass that it looks at: of the embedding, and of the blocks of a layer.
typedef enum model_part { PART_NONE, PART_EMBEDDING, PART_ATTENTION, PART_FEEDFORWARD } model_part;
typedef struct model_place {
    model_part part;
    int layer; // from 0
} model_place;

// Somebody who works on gradients while the backward pass that makes them goes on.
typedef struct backward_listener {
    void *context;
    // Called between a pass's operations: the gradients of the model's tensors from `first` on, in the list's order, are final.
    // PASS_GOES_ON: of no more than before.
    sigmoe_status (*reached)(void *context, int first);
} backward_listener;

typedef struct step_context {
    kernel_context kernel;
    arena *activations;             // what the forward leaves for the backward; the caller releases it
    dtype operands;                 // of matrix products: TYPE_REAL, or TYPE_BF16; set by the transformer
    const expert_exchange *experts; // of which others have some; NULL: none. Set by the transformer, too
    bool training;                  // dropout, router noise, Sinkhorn, regularizers
    bool keep;                      // a backward follows: keep what it needs ...
    sigmoe_recompute recompute;     // ... less this, which it computes again
    uint64_t seed;
    uint64_t step;         // with seed, layer and purpose the key of every random number
    const int32_t *tokens; // [batch * length], b-major; hash routing needs the ids
    // [batch * length], where tokens stand in texts of which this is no whole segment, so that random routing draws for each what
    // it would draw there; NULL: token t of a segment has index t.
    const token_place *places;
    int64_t batch, length;             // B sequences of T tokens; T_all = B * T rows everywhere
    const whole_batch *whole;          // of which these are a part; NULL: they are all
    const backward_listener *listener; // of the backward pass; NULL: nobody listens
    double regularizer;                // Σ over layers of γ-weighted regularizers, added to by forward passes
    struct ff_statistics
        *statistics;   // forward passes count in it what the blocks do; NULL: nothing is counted
    double ff_seconds; // wall time spent in feedforward blocks, added to by the transformer
    // The first output with a value that is NaN or infinite, of the forward pass before a backward pass; PART_NONE: all are finite.
    model_place not_finite;
} step_context;

// The backward pass is done with the tensors from `first` on.
enum { PASS_GOES_ON = INT_MAX };
static inline sigmoe_status step_reach(const step_context *step, int first) {
    return step->listener ? step->listener->reached(step->listener->context, first) : SIGMOE_OK;
}

// The place of token 0 in the whole batch, from which positions of random numbers count.
static inline int64_t step_first_token(const step_context *step) {
    return step->whole ? step->whole->first : 0;
}
// Tokens of the whole batch, where `own` are the step's.
static inline int64_t step_all_tokens(const step_context *step, int64_t own) {
    return step->whole ? step->whole->tokens : own;
}

static inline random_stream step_random(const step_context *step, int layer, random_purpose purpose) {
    return (random_stream){step->seed, step->step, (uint32_t)layer, purpose};
}
