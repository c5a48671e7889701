/* Loads every preset as the list gives it and by its name as a user would write it, compares the two as JSON, and prints how
 * many there are. Ends with 1 when two differ. Against an installed library:
 *   cc examples/presets.c $(pkg-config --cflags --libs sigmoe) */
#include <sigmoe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(sigmoe_status status) {
    if (status == SIGMOE_OK) return;
    fprintf(stderr, "presets: %s\n", sigmoe_message());
    exit(1);
}

/* What the list says of the preset that `name` loads. */
static int is_the_one(const sigmoe_preset *preset, const sigmoe_config *config) {
    sigmoe_summary summary;
    check(sigmoe_config_summary(config, 0, SIGMOE_RECOMPUTE_NONE, SIGMOE_F32, &summary));
    return summary.parameters == preset->parameters;
}

static int loads_alike(const sigmoe_preset *preset, const char *name) {
    sigmoe_config *listed, *named;
    const char *first, *second;
    int alike;
    check(sigmoe_config_from_preset(preset->name, &listed));
    check(sigmoe_config_from_preset(name, &named));
    check(sigmoe_config_json(listed, &first));
    check(sigmoe_config_json(named, &second));
    alike = strcmp(first, second) == 0 && is_the_one(preset, listed) && is_the_one(preset, named);
    if (!alike)
        fprintf(stderr, "presets: %s loads as\n%s\nand by its name as\n%s\n", preset->name, first, second);
    sigmoe_config_free(listed);
    sigmoe_config_free(named);
    return alike;
}

int main(void) {
    int count, different = 0;
    count = sigmoe_preset_count();
    for (int i = 0; i < count; i++) {
        sigmoe_preset preset;
        char name[64];
        check(sigmoe_preset_at(i, &preset));
        snprintf(name, sizeof name, "%s", preset.name);
        if (!loads_alike(&preset, name)) different++;
    }
    printf("%d presets, %d of them not as listed\n", count, different);
    return different > 0;
}
