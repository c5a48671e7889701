#include "version.h"

#include "commands.h"
#include "json_output.h"

#include <stdio.h>
#include <string.h>

static void print_facts(void) {
    sigmoe_fact fact;
    const char *group = "";
    for (int i = 0; sigmoe_fact_at(i, &fact); i++) {
        if (strcmp(fact.group, group) != 0) printf("\n%s\n", fact.group);
        group = fact.group;
        printf("  %-18s %s", fact.name, fact.value ? fact.value : "version unknown");
        if (fact.loaded) printf(", loaded %s", fact.loaded);
        putchar('\n');
    }
}

static void emit_fact(json_output *j, const sigmoe_fact *fact) {
    if (strcmp(fact->group, "libraries") == 0) {
        emit_open(j, fact->name, '{');
        emit_string(j, "compiled", fact->value);
        emit_string(j, "loaded", fact->loaded);
        emit_close(j, '}');
    } else if (strcmp(fact->group, "features") == 0) {
        emit_bool(j, fact->name, strcmp(fact->value, "yes") == 0);
    } else if (strspn(fact->value, "0123456789") == strlen(fact->value)) {
        emit_verbatim(j, fact->name, fact->value);
    } else {
        emit_string(j, fact->name, fact->value);
    }
}

static void print_json(void) {
    sigmoe_fact fact;
    const char *group = "";
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_string(&j, "version", sigmoe_version());
    for (int i = 0; sigmoe_fact_at(i, &fact); i++) {
        if (strcmp(fact.group, group) != 0) {
            if (*group) emit_close(&j, '}');
            emit_open(&j, fact.group, '{');
        }
        group = fact.group;
        emit_fact(&j, &fact);
    }
    if (*group) emit_close(&j, '}');
    emit_close(&j, '}');
}

int show_version(int argc, char **argv) {
    bool verbose = false, json = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--json") == 0)
            json = true;
        else
            return complain(EXIT_USAGE, "--version takes --verbose and --json alone, not `%s`", argv[i]);
    }
    if (json) {
        print_json();
        return EXIT_FINE;
    }
    printf("sigmoe %s\n", sigmoe_version());
    if (verbose) print_facts();
    return EXIT_FINE;
}
