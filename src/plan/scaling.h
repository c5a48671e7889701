// What becomes of a step's time as the nodes grow in number: with the batch (weak scaling) or without (strong scaling).
#pragma once

#include "plan/step_estimate.h"

// A training on a cluster, of a model and, unless it is dense, its dense twin.
enum { MOST_MODELS = 2 };
typedef struct planned_training {
    cluster cluster;
    model_config models[MOST_MODELS];
    int model_count;
    int64_t nodes, batch; // of all nodes; a multiple of them
    dtype operands;
} planned_training;

// Of one model under one scheme.
typedef struct scaling_point {
    int64_t ranks, batch;
    step_estimate estimate; // NaN where it is not possible
    double speedup;         // in tokens a second, over one node with its share of the batch, or all of it
    double efficiency;      // speedup / ranks
    char problem[96];       // why it is not possible; "": it is
} scaling_point;

typedef enum scaling_kind { SCALING_WEAK, SCALING_STRONG, SCALING_KINDS } scaling_kind;
const char *scaling_name(scaling_kind kind); // "weak"

// `ranks` nodes with `batch` sequences in all, compared with one node and `alone` sequences.
sigmoe_status scaling_at(const planned_training *t, int model, scheme s, int64_t ranks, int64_t batch,
    int64_t alone, scaling_point *out);

// 1, 2, 4 ... 4096 nodes.
enum { SCALING_POINTS = 13 };
typedef struct scaling {
    scaling_point points[SCALING_KINDS][MOST_MODELS][SCHEMES][SCALING_POINTS];
} scaling;
sigmoe_status scaling_compute(const planned_training *t, scaling *out);
