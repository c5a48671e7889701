#include "known_values.h"

#include "sigmoe.h"

#include <string.h>

static bool preset_at(int index, help_entry *entry) {
    sigmoe_preset preset;
    if (index >= sigmoe_preset_count() || sigmoe_preset_at(index, &preset) != SIGMOE_OK) return false;
    *entry = (help_entry){preset.name, preset.summary};
    return true;
}

static bool variant_at(int index, help_entry *entry) {
    sigmoe_variant variant;
    if (!sigmoe_variant_at(index, &variant)) return false;
    *entry = (help_entry){variant.name, variant.summary};
    return true;
}

static bool key_at(int index, help_entry *entry) {
    sigmoe_option option;
    if (!sigmoe_option_at(index, &option)) return false;
    *entry = (help_entry){option.key, option.help};
    return true;
}

static bool table_at(int index, help_entry *entry) {
    sigmoe_sweep_table table;
    if (!sigmoe_sweep_table_at(index, &table)) return false;
    *entry = (help_entry){table.name, table.summary};
    return true;
}

static bool operation_at(int index, help_entry *entry) {
    const char *implementation; // of this processor: no property of the operation
    entry->text = "";
    return sigmoe_cpu_kernel(index, &entry->name, &implementation);
}

static bool figure_at(int index, help_entry *entry) {
    sigmoe_cost_figure figure;
    if (!sigmoe_cost_figure_at(index, &figure)) return false;
    *entry = (help_entry){figure.name, figure.summary};
    return true;
}

const known_values known_presets = {.name = "preset", .at = preset_at};
const known_values known_presets_or_files = {.name = "preset", .at = preset_at, .paths = true};
const known_values known_variants = {.name = "variant", .at = variant_at, .list = true};
const known_values known_config_keys = {.name = "key", .at = key_at, .suffix = "="};
const known_values known_sweep_tables = {.name = "table", .at = table_at, .paths = true};
const known_values known_kernel_operations = {.name = "operation", .at = operation_at};
const known_values known_cost_figures = {.name = "figure", .at = figure_at};
const known_values known_directories = {.directories = true};
const known_values none_known = {0};
const known_values known_paths = {.paths = true};

const known_values *argument_values(const argument *a) {
    if (a->values) return a->values;
    if (a->type != ARGUMENT_TEXT) return &none_known;
    bool directory = strcmp(a->placeholder, "DIR") == 0 || strcmp(a->placeholder, "RUN") == 0;
    return directory ? &known_directories : &known_paths;
}
