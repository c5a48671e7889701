// A model's tensors on their way between ranks: gradients, of which each rank sums up its shares while the backward pass goes on, and
// values that others have updated. Small tensors travel together, large ones in pieces; all in the order in which a backward pass
// is done with them, whatever it does at the time, so that sums have the same bits.
//
//   tensor_flow_begin -> the backward pass, with its listener -> tensor_flow_finish
#pragma once

#include "system/trace.h"
#include "train/team.h"

typedef struct tensor_flow tensor_flow;

// Borrows both. *out is NULL alone, and all of these then do nothing.
sigmoe_status tensor_flow_create(const team *t, parameter_list *list, tensor_flow **out);
// Before the tensors, also while some are on their way.
void tensor_flow_destroy(tensor_flow *f);

// Gradients become sums: everywhere or, where moments are shared, each rank's shares alone. Values become those of the ranks whose
// shares they are, or rounded copies do where ranks have masters.
typedef enum flow_kind { FLOW_GRADIENTS, FLOW_VALUES } flow_kind;
void tensor_flow_begin(tensor_flow *f, flow_kind kind);
const backward_listener *tensor_flow_listener(const tensor_flow *f); // NULL alone
sigmoe_status tensor_flow_finish(tensor_flow *f);

// Of gradients, since the flow was created.
typedef struct flow_costs {
    double values, hidden; // how many were summed, and of these before the backward pass was over
    double waited;         // seconds for the rest
} flow_costs;
flow_costs tensor_flow_costs(const tensor_flow *f);

// What was under way when, since the last tensor_flow_begin(FLOW_GRADIENTS): rows [FLOW_ROWS] of tensors' names; none alone.
enum { FLOW_ROWS = 32 };
int tensor_flow_trace(const tensor_flow *f, trace_row rows[FLOW_ROWS]);
