#include "write_share/share.h"
#include "write_share/tables.h"

#include <string.h>

static void put_text(FILE *out, const char *text) {
    put_quoted(out, text, "\\", "\\'");
}

// __sigmoe_presets and the like: a name, a tab and what it is on each line.
static void put_names(FILE *out, const known_values *values) {
    help_entry entry;
    fprintf(out, "function __sigmoe_%ss\n", values->name);
    if (values->list) fputs("    set -l before (__sigmoe_before_comma)\n", out);
    for (int i = 0; values->at(i, &entry); i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s%s", first_word(entry.name), entry.name,
            values->suffix ? values->suffix : "");
        fprintf(out, "    printf '%%s\\t%%s\\n' %s", values->list ? "\"$before\"" : "");
        put_text(out, name);
        fputc(' ', out);
        put_text(out, entry.text);
        fputc('\n', out);
    }
    fputs("end\n\n", out);
}

// The switches that say what completes a value: "-x -a '(__sigmoe_presets)'".
static void put_values(FILE *out, const known_values *values) {
    fputs(values->paths ? " -F" : " -f", out);
    if (values->at) fprintf(out, " -a '(__sigmoe_%ss)'", values->name);
    if (values->directories) fputs(" -a '(__fish_complete_directories)'", out);
}

static void put_option(FILE *out, const command *c, const argument *a) {
    fprintf(out, "complete -c sigmoe -n '__sigmoe_is %s' -l %s", c->name, a->name);
    if (a->letter) fprintf(out, " -s %c", a->letter);
    if (a->choices) {
        fputs(" -r -f -a '", out);
        for (int i = 0; a->choices[i]; i++) fprintf(out, "%s%s", i ? " " : "", a->choices[i]);
        fputc('\'', out);
    } else if (a->type != ARGUMENT_FLAG) {
        fputs(" -r", out);
        put_values(out, argument_values(a));
    }
    fputs(" -d ", out);
    put_text(out, a->help);
    fputc('\n', out);
}

static void put_word(FILE *out, const char *before, const char *word, int length, const char *text) {
    fprintf(out, "complete -c sigmoe -n '__sigmoe_begins%s%s' -a %.*s -d ", *before ? " " : "", before,
        length, word);
    put_text(out, text);
    fputc('\n', out);
}

static void put_command(FILE *out, const command *c) {
    const argument *a;
    put_word(out, family_of(c), last_word(c), (int)strlen(last_word(c)), c->summary);
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) put_option(out, c, a);
    for (int i = 0; i < 2; i++) {
        if (!c->words[i]) continue;
        fprintf(out, "complete -c sigmoe -n '__sigmoe_at_word %d %s'", i, c->name);
        put_values(out, c->words[i]);
        fputc('\n', out);
    }
}

// Options with a value, for __sigmoe_at_word.
static void put_valued(FILE *out) {
    fputs("function __sigmoe_valued\n    switch \"$argv\"\n", out);
    for (const command *const *c = commands; *c; c++) {
        const argument *a;
        fprintf(out, "        case '%s'\n            printf '%%s\\n'", (*c)->name);
        for (int i = 0; (a = argument_at(*c, i, NULL)); i++)
            if (a->type != ARGUMENT_FLAG) fprintf(out, " --%s", a->name);
        fputc('\n', out);
    }
    fputs("    end\nend\n\n", out);
}

void write_fish_completion(FILE *out) {
    const known_values *named[MOST_NAMED];
    int count = named_values(named);
    fputs("# fish completion for sigmoe, made from the tables of its commands\n\n"
          "# Whether just these words stand behind sigmoe.\n"
          "function __sigmoe_begins\n"
          "    set -l words (commandline -opc)\n"
          "    test \"$words[2..]\" = \"$argv\"\n"
          "end\n\n"
          "# Whether the command is this one.\n"
          "function __sigmoe_is\n"
          "    set -l words (commandline -opc)\n"
          "    set -l last (math (count $argv) + 1)\n"
          "    test (count $words) -ge $last; and test \"$words[2..$last]\" = \"$argv\"\n"
          "end\n\n"
          "# What the list that is being typed has already.\n"
          "function __sigmoe_before_comma\n"
          "    string replace -r '[^,]*$' '' -- (string replace -r '^--[a-z-]+=' '' -- (commandline -ct))\n"
          "end\n\n",
        out);
    put_valued(out);
    fputs("# Whether word N behind the command, or (from 1 on) any later one, is being typed.\n"
          "function __sigmoe_at_word\n"
          "    set -l command $argv[2..]\n"
          "    __sigmoe_is $command; or return 1\n"
          "    set -l valued (__sigmoe_valued $command)\n"
          "    set -l position 0\n"
          "    set -l is_value 0\n"
          "    set -l words (commandline -opc)\n"
          "    for i in (seq (math (count $command) + 2) 1 (count $words))\n"
          "        set -l word $words[$i]\n"
          "        if test $is_value = 1\n"
          "            set is_value 0\n"
          "        else if contains -- $word $valued\n"
          "            set is_value 1\n"
          "        else if not string match -q -- '-*' $word\n"
          "            set position (math $position + 1)\n"
          "        end\n"
          "    end\n"
          "    test $is_value = 0; and test $position = $argv[1] -o $argv[1] -gt 0 -a $position -gt 0\n"
          "end\n\n",
        out);
    for (int i = 0; i < count; i++) put_names(out, named[i]);
    fputs("complete -c sigmoe -f\n"
          "complete -c sigmoe -l help -d 'show the options'\n"
          "complete -c sigmoe -n __sigmoe_begins -l version -d 'show the version'\n",
        out);
    put_word(out, "", "help", 4, "show the commands, or one's options");
    put_word(out, "help", "config", 6, "the keys of a configuration");
    for (const command *const *c = commands; *c; c++) {
        bool opens = opens_family(c);
        if (opens) put_word(out, "", (*c)->name, first_word((*c)->name), "more words follow");
        if (opens || !*family_of(*c))
            put_word(out, "help", (*c)->name, first_word((*c)->name), (*c)->summary);
        put_command(out, *c);
    }
}
