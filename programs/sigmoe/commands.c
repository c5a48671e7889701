#include "commands.h"

const command *const commands[] = {
    &command_data_prepare,
    &command_data_export,
    &command_data_verify,
    &command_data_import,
    &command_train,
    &command_watch,
    &command_eval,
    &command_generate,
    &command_quantize,
    &command_score,
    &command_tokenize,
    &command_detokenize,
    &command_export,
    &command_forward,
    &command_compare,
    &command_sweep,
    &command_plot,
    &command_analyze,
    &command_presets,
    &command_info,
    &command_plan,
    &command_bench_layer,
    &command_bench_step,
    &command_bench_generate,
    &command_bench_attention,
    &command_bench_kernel,
    &command_bench_figure2,
    &command_bench_figure8,
    &command_bench_figure9,
    &command_bench_figure10,
    &command_bench_figure11,
    NULL,
};

const help_entry exit_statuses[] = {
    {"0", "done"},
    {"1", "failed"},
    {"2", "wrong usage"},
    {"130, 143 or 129", "stopped by SIGINT, SIGTERM or SIGHUP after saving"},
    {"141", "standard output was closed"},
    {NULL, NULL},
};

const help_entry environment[] = {
    {"SIGMOE_CPU", "the highest level of the processor to use: scalar, avx2, avx512, avx512bf16 or amx"},
    {"SIGMOE_ONEDNN",
        "off: dense products are the program's own, whose bits do not depend on the version of oneDNN"},
    {"NO_COLOR", "if it is set and not empty, nothing is shown in bold or color"},
    {"TERM", "dumb, or not set: progress is shown in plain lines"},
    {"XDG_CACHE_HOME", "where what is known of large data files is kept, in sigmoe/; otherwise ~/.cache"},
    {NULL, NULL},
};

#define AT(member) offsetof(output_options, member)

const argument output_arguments[OUTPUT_ARGUMENTS] = {
    {"json", ARGUMENT_FLAG, AT(json), .help = "print the result as one JSON object"},
    {"quiet", ARGUMENT_FLAG, AT(quiet), .help = "show no progress and no notes, only results and errors"},
};

const argument memory_arguments[MEMORY_ARGUMENTS] = {
    {"max-memory", ARGUMENT_MEMORY, 0, "SIZE",
        .preset = "default: what the machine has, or its cgroup allows",
        .help =
            "memory that it may take (500M, 8G, 7.5GiB): what would take more is refused before it begins"},
};
