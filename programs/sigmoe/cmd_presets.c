#include "commands.h"

#include "json_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef struct presets_values {
    bool json;
} presets_values;

static const argument arguments[] = {
    {"json", ARGUMENT_FLAG, offsetof(presets_values, json), .help = "print a JSON list"},
};

static void print_object(json_output *j, const sigmoe_preset *p) {
    emit_open(j, NULL, '{');
    emit_string(j, "name", p->name);
    emit_string(j, "summary", p->summary);
    emit_string(j, "base", p->base);
    emit_string(j, "form", p->code ? "code" : "printed");
    emit_number(j, "parameters", (double)p->parameters);
    emit_number(j, "ff_flops_share", p->ff_flops_share);
    emit_string(j, "data", p->data);
    emit_number(j, "published", p->published);
    emit_string(j, "source", p->source);
    emit_close(j, '}');
}

static int print_json(void) {
    json_output j = {0};
    emit_open(&j, NULL, '[');
    for (int i = 0; i < sigmoe_preset_count(); i++) {
        sigmoe_preset p;
        int status = report(sigmoe_preset_at(i, &p));
        if (status != EXIT_FINE) return status;
        print_object(&j, &p);
    }
    emit_close(&j, ']');
    return EXIT_FINE;
}

static void print_line(const sigmoe_preset *p, int name_width) {
    char published[32] = "-";
    if (isfinite(p->published)) snprintf(published, sizeof published, "%.2f", p->published);
    printf("%-*s  %-9s  %11" PRId64 "  %10.2f  %5s  %s%s%s%s\n", name_width, p->name, p->base, p->parameters,
        100 * p->ff_flops_share, published, p->summary, *p->source ? " (" : "", p->source,
        *p->source ? ")" : "");
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
    printf("%-*s  %-9s  %11s  %10s  %5s  what it is, and where in the paper\n", widest, "name", "base",
        "parameters", "FF FLOPs %", "paper");
    for (int i = 0; i < sigmoe_preset_count(); i++) {
        int status = report(sigmoe_preset_at(i, &p));
        if (status != EXIT_FINE) return status;
        print_line(&p, widest);
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
    .details =
        "FF FLOPs: multiply-adds of a feedforward block over those of a dense block with the base's N_E·G "
        "channels, routers\napart. paper: its score (perplexity; e8: bits per character). @code: as the "
        "public code's sweep has it, where that\ndiffers from the printed paper.",
    .groups = {{arguments, COUNT(arguments), 0}},
    .values_size = sizeof(presets_values),
    .run = run,
};
