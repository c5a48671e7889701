// Whether a launcher (mpirun, srun) has started this process as one of several, and the module that carries their messages.
#pragma once

#include "base/status.h"
#include "distribute/transport.h"

// The variable of the environment by which the launcher says so; NULL: there is none.
const char *launch_variable(void);
// Loads the module beside the library and opens its transport. SIGMOE_BAD_ARGUMENT: there is no module.
sigmoe_status launch_transport(const char *variable, const transport **out);
