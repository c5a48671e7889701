// The commands, each in its own cmd_*.c, and what several of them share.
#pragma once

#include "arguments.h"
#include "known_values.h"
#include "report.h"

extern const command command_data_prepare, command_data_import, command_data_export, command_data_verify,
    command_train, command_eval, command_forward, command_generate, command_export, command_compare,
    command_sweep, command_presets, command_info, command_bench_layer, command_bench_step,
    command_bench_generate, command_bench_attention, command_bench_kernel, command_analyze, command_quantize,
    command_bench_figure2, command_bench_figure8, command_bench_figure9, command_bench_figure10,
    command_bench_figure11, command_score, command_tokenize, command_detokenize, command_watch, command_plot,
    command_plan;
// All of them, in the order of the overview; ends with NULL.
extern const command *const commands[];

// What the program ends with, and the environment that it heeds; both end with an entry without a name.
extern const help_entry exit_statuses[], environment[];

// --json and --quiet, of commands that show progress.
typedef struct output_options {
    bool json, quiet;
} output_options;
enum { OUTPUT_ARGUMENTS = 2 };
extern const argument output_arguments[OUTPUT_ARGUMENTS];

// --max-memory, of commands that may take much.
enum { MEMORY_ARGUMENTS = 1 };
extern const argument memory_arguments[MEMORY_ARGUMENTS];

// --preset, --config and --set: where a configuration comes from.
typedef struct config_source {
    const char *preset, *config, *model; // a name, a file, a model directory or RUN; at most one is given
    text_list set;
} config_source;
// Offsets in config_source; without --model.
enum { CONFIG_ARGUMENTS = 3 };
extern const argument config_arguments[CONFIG_ARGUMENTS];
// Builds the configuration and applies --set. Otherwise prints the error and returns the exit status.
int config_build(const config_source *source, sigmoe_config **out);

// Training options that `train` and `compare` share: offsets in sigmoe_train_settings.
enum { TRAINING_ARGUMENTS = 11, CADENCE_ARGUMENTS = 1 };
extern const argument training_arguments[TRAINING_ARGUMENTS];
// --checkpoint-every: a const char *, which checkpoint_cadence reads.
extern const argument cadence_arguments[CADENCE_ARGUMENTS];
// The library's names of the settings that were given by these arguments: "weight_decay".
enum { KEEP_SETTINGS = 3, GIVEN_SETTINGS = TRAINING_ARGUMENTS + 2 + KEEP_SETTINGS };
typedef struct given_settings {
    char texts[TRAINING_ARGUMENTS][32];
    const char *names[GIVEN_SETTINGS]; // some of these texts
    int count;
} given_settings;
void training_given(const parsed_arguments *given, given_settings *out);
// Seconds of a time such as 90s or 23h50m; NaN if it is none.
double duration_seconds(const char *text);
// Reads from `text` when to save: a number of steps, or of seconds; NULL changes nothing. On failure prints the error and
// returns the exit status.
int checkpoint_cadence(const char *text, int64_t *steps, double *seconds);

// --recompute: the names, NULL-terminated, in the order of sigmoe_recompute.
extern const char *const recompute_names[];
extern const char *const dtype_names[];            // --dtype: names of sigmoe_dtype
extern const char *const generation_dtype_names[]; // the same with that for generation alone

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
