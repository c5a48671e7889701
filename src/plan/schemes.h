// How processes, the ranks, share a training, and what each of them sends in a step. Every scheme gives each rank its sequences of the
// batch.
#pragma once

#include "plan/step_work.h"

#include <stdbool.h>

typedef enum scheme {
    SCHEME_DATA,        // each rank has the whole model and its optimizer; gradients are summed
    SCHEME_ZERO,        // ZeRO-1: each has the moments of its share of the parameters, and updates those
    SCHEME_EXPERT,      // a group of ranks has each expert once: rows travel to their experts and back
    SCHEME_EXPERT_ZERO, // both
    SCHEMES
} scheme;

const char *scheme_name(scheme s);
bool scheme_moves_rows(scheme s); // to experts

// How many ranks have each expert once: the greatest number that divides both the ranks and the experts. 1: all have all.
int64_t expert_group(scheme s, const step_work *w, int64_t ranks);

// What a rank sends in a step; it receives as much.
typedef struct step_traffic {
    double summed; // bytes, of gradients, and of what is made from their sums
    double routed; // bytes, of rows
    double small;  // bytes, of what regularizers and the ranks' agreement need
    double rounds; // after each of which all wait for each other
    double messages;
} step_traffic;
step_traffic scheme_traffic(scheme s, const step_work *w, int64_t ranks);

// Bytes of a rank's values, gradients, moments, activations, and rows that have come to its experts.
double scheme_memory(scheme s, const step_work *w, int64_t ranks);
// Parameters that a rank updates.
double scheme_updates(scheme s, const step_work *w, int64_t ranks);

// Whether the ranks can share the batch so; otherwise `problem` [size] says why not.
bool scheme_possible(scheme s, const step_work *w, int64_t ranks, int64_t batch, char *problem, size_t size);
