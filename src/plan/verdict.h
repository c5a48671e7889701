// What a plan amounts to, in sentences.
#pragma once

#include "plan/scaling.h"

#include <stdio.h>

// Prints of each model which scheme is fastest on the nodes, and how many nodes are of use; a line each.
sigmoe_status verdict_print(FILE *out, const planned_training *t, const scaling *s);
