#include "commands.h"

const command *const commands[] = {
    &command_data_prepare,
    &command_train,
    &command_eval,
    &command_forward,
    &command_compare,
    &command_sweep,
    &command_analyze,
    &command_presets,
    &command_info,
    &command_bench_layer,
    &command_bench_step,
    &command_bench_attention,
    &command_bench_kernel,
    &command_bench_figure2,
    &command_bench_figure8,
    &command_bench_figure9,
    &command_bench_figure10,
    &command_bench_figure11,
    NULL,
};

#define AT(member) offsetof(output_options, member)

const argument output_arguments[OUTPUT_ARGUMENTS] = {
    {"json", ARGUMENT_FLAG, AT(json), .help = "print the result as one JSON object"},
    {"quiet", ARGUMENT_FLAG, AT(quiet), .help = "show no progress and no notes, only results and errors"},
};
