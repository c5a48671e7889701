// The threads and two arenas that work on a model needs: one for what a forward pass leaves, one for the kernels' scratch
// memory.
#pragma once

#include "kernels/kernel.h"

typedef struct workspace {
    kernel_context kernel; // threads and scratch
    arena *activations;
} workspace;

// After a failure there is nothing to close.
sigmoe_status workspace_open(int threads, workspace *w);
void workspace_close(workspace *w); // harmless on a zeroed one
