#include "commands.h"

#include "json_output.h"

#include <math.h>
#include <stdio.h>

typedef struct presets_values {
    bool json;
} presets_values;

static const argument arguments[] = {
    {"json", ARGUMENT_FLAG, offsetof(presets_values, json), .help = "print a JSON list"},
};

static int print_json(void) {
    json_output j = {0};
    emit_open(&j, NULL, '[');
    for (int i = 0; i < sigmoe_preset_count(); i++) {
        sigmoe_preset p;
        int status = report(sigmoe_preset_at(i, &p));
        if (status != EXIT_FINE) return status;
        emit_open(&j, NULL, '{');
        emit_string(&j, "name", p.name);
        emit_string(&j, "summary", p.summary);
        emit_string(&j, "data", p.data);
        emit_number(&j, "published", p.published);
        emit_string(&j, "source", p.source);
        emit_close(&j, '}');
    }
    emit_close(&j, ']');
    return EXIT_FINE;
}

static int print_text(void) {
    int widest = 0;
    sigmoe_preset p;
    for (int i = 0; i < sigmoe_preset_count(); i++) {
        int status = report(sigmoe_preset_at(i, &p));
        if (status != EXIT_FINE) return status;
        int length = snprintf(NULL, 0, "%s", p.name);
        if (length > widest) widest = length;
    }
    for (int i = 0; i < sigmoe_preset_count(); i++) {
        int status = report(sigmoe_preset_at(i, &p));
        if (status != EXIT_FINE) return status;
        printf("%-*s  %s", widest, p.name, p.summary);
        if (isfinite(p.published)) printf("; the paper has %.2f (%s)", p.published, p.source);
        putchar('\n');
    }
    return EXIT_FINE;
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    presets_values *v = values;
    return v->json ? print_json() : print_text();
}

const command command_presets = {
    .name = "presets",
    .summary = "list the configurations that come with the program",
    .usage = "",
    .groups = {{arguments, COUNT(arguments), 0}},
    .values_size = sizeof(presets_values),
    .run = run,
};
