#include "commands.h"

#include "command_line.h"
#include "progress.h"

#include <stdio.h>

typedef struct verify_values {
    bool quiet;
} verify_values;

static const argument arguments[] = {
    {"quiet", ARGUMENT_FLAG, offsetof(verify_values, quiet),
        .help = "no progress, and nothing where all is well"},
};

static int run(const parsed_arguments *given, void *values) {
    const verify_values *v = values;
    if (given->positional_count != 1)
        return complain(EXIT_USAGE, "data verify takes one directory of prepared data, but got %d words",
            given->positional_count);
    const char *directory = given->positionals[0];
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, 0, v->quiet);
    display.stop_unread = true;
    sigmoe_status status = sigmoe_data_verify(directory, &observer);
    progress_close(&display);
    if (status != SIGMOE_OK) return report(status);
    if (v->quiet) return EXIT_FINE;
    print_word(stdout, directory);
    puts(": all shards are as they were written");
    return EXIT_FINE;
}

static const help_entry examples[] = {
    {"data verify data", "Before a long training, or after copying the data:"},
    {NULL, NULL},
};

const command command_data_verify = {
    .name = "data verify",
    .summary = "read all of prepared data, and compare it with its sums",
    .usage = "DIR",
    .details = "Each shard's SHA-256 is in meta.json, since version 0.2.0. Every command that reads data "
               "compares them, but "
               "does not read large shards again whose files were not touched since. This one does, and so "
               "does --verify of "
               "the others. Data without sums are checked for ids outside of the vocabulary.",
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}},
    .words = {&known_paths},
    .positionals = 1,
    .values_size = sizeof(verify_values),
    .run = run,
};
