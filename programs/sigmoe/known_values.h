// What texts on the command line can be, beside paths: for completion, and for lists in the help.
#pragma once

#include "arguments.h"

extern const known_values known_presets, known_presets_or_files, known_variants, known_config_keys,
    known_sweep_tables, known_kernel_operations, known_cost_figures, known_directories, known_paths,
    none_known;
// What an option takes whose table has no choices: what `values` says, or by its type and placeholder.
const known_values *argument_values(const argument *a);
