#include "commands.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(config_source, member)

const argument config_arguments[CONFIG_ARGUMENTS] = {
    {"preset", ARGUMENT_TEXT, AT(preset), "NAME", .help = "a preset as `sigmoe presets` lists",
        .values = &known_presets},
    {"config", ARGUMENT_TEXT, AT(config), "FILE", .help = "a config.json"},
    {"set", ARGUMENT_REPEATED, AT(set), "KEY=VALUE",
        .help = "change the configuration, see `sigmoe help config`; may be repeated",
        .values = &known_config_keys},
};

static int apply(sigmoe_config *config, const char *assignment) {
    char key[256];
    size_t length = strcspn(assignment, "=");
    if (assignment[length] != '=' || length == 0 || length >= sizeof key)
        return complain(EXIT_USAGE, "--set needs key=value, as in --set ff.k=4, not `%s`", assignment);
    memcpy(key, assignment, length);
    key[length] = 0;
    return report(sigmoe_config_set(config, key, assignment + length + 1));
}

int config_build(const config_source *source, sigmoe_config **out) {
    *out = NULL;
    int status = source->preset   ? report(sigmoe_config_from_preset(source->preset, out))
                 : source->config ? report(sigmoe_config_from_file(source->config, out))
                                  : report(sigmoe_config_from_model(source->model, out));
    for (int i = 0; status == EXIT_FINE && i < source->set.count; i++)
        status = apply(*out, source->set.items[i]);
    if (status != EXIT_FINE) {
        sigmoe_config_free(*out);
        *out = NULL;
    }
    return status;
}
