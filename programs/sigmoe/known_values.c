#include "known_values.h"

#include "sigmoe.h"

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

const known_values known_presets = {.at = preset_at};
const known_values known_presets_or_files = {.at = preset_at, .paths = true};
const known_values known_variants = {.at = variant_at, .list = true};
const known_values known_config_keys = {.at = key_at, .suffix = "="};
const known_values known_sweep_tables = {.at = table_at, .paths = true};
const known_values known_kernel_operations = {.at = operation_at};
const known_values known_cost_figures = {.at = figure_at};
const known_values known_directories = {.directories = true};
const known_values none_known = {0};
