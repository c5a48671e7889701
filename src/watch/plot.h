// Curves of runs as pictures, characters and numbers: the implementation of sigmoe_plot.
#pragma once

#include "base/status.h"

sigmoe_status plot_runs(const sigmoe_plot_request *request, char **text);
