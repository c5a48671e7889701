#include "write_share/share.h"
#include "write_share/tables.h"

#include <string.h>

// A word, or "NAME:DESCRIPTION" of _describe, in single quotes.
static void put_described(FILE *out, const char *name, int length, const char *text) {
    char both[1024];
    int used = 0;
    for (int i = 0; i < length && used < 200; i++) {
        if (name[i] == ':') both[used++] = '\\';
        both[used++] = name[i];
    }
    snprintf(both + used, sizeof both - (size_t)used, ":%s", text);
    fputs("        ", out);
    put_quoted(out, both, "", "'\\''");
    fputc('\n', out);
}

// _sigmoe_presets and the like.
static void put_names(FILE *out, const known_values *values) {
    help_entry entry;
    fprintf(out, "_sigmoe_%ss() {\n    local -a names=(\n", values->name);
    for (int i = 0; values->at(i, &entry); i++)
        put_described(out, entry.name, first_word(entry.name), entry.text);
    fputs("    )\n", out);
    if (values->list) fputs("    compset -P '*,'\n", out);
    fprintf(out, "    _describe '%s' names", values->name);
    if (values->suffix) fprintf(out, " -S '%s'", values->suffix);
    if (values->list) fputs(" -S ''", out);
    fputs("\n}\n\n", out);
}

// The action of _arguments: without its quotes.
static void put_action(FILE *out, const known_values *values) {
    if (values->at && values->paths)
        fprintf(out, "_alternative \"%ss\\:%s\\:_sigmoe_%ss\" \"files\\:file\\:_files\"", values->name,
            values->name, values->name);
    else if (values->at)
        fprintf(out, "_sigmoe_%ss", values->name);
    else if (values->paths)
        fputs("_files", out);
    else if (values->directories)
        fputs("_files -/", out);
    else
        fputc(' ', out);
}

static void put_option(FILE *out, const argument *a) {
    fputs("            ", out);
    if (a->type == ARGUMENT_REPEATED) fputs("'*'", out);
    fprintf(out, "--%s%s", a->name, a->placeholder ? "=" : "");
    fputs("'['", out);
    put_quoted(out, a->help, "[]:\\", "'\\''");
    fputs("']'", out);
    if (a->placeholder) {
        fputs("':'", out);
        put_quoted(out, a->placeholder, ":\\", "'\\''");
        fputs("':", out);
        if (a->choices) {
            fputc('(', out);
            for (int i = 0; a->choices[i]; i++) fprintf(out, "%s%s", i ? " " : "", a->choices[i]);
            fputc(')', out);
        } else {
            put_action(out, argument_values(a));
        }
        fputc('\'', out);
    }
    fputs(" \\\n", out);
}

static void put_command(FILE *out, const command *c) {
    const argument *a;
    fprintf(out, "    '%s')\n        _arguments \\\n", c->name);
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) put_option(out, a);
    for (int i = 0; i < 2; i++) {
        if (!c->words[i]) continue;
        fprintf(out, "            '%s:%s:", i ? "*" : "1", c->words[i]->name ? c->words[i]->name : "path");
        put_action(out, c->words[i]);
        fputs("' \\\n", out);
    }
    fputs("            '(- *)--help[show the options]'\n        ;;\n", out);
}

static void put_first_words(FILE *out) {
    fputs("    local -a commands=(\n", out);
    for (const command *const *c = commands; *c; c++) {
        if (!*family_of(*c)) put_described(out, (*c)->name, (int)strlen((*c)->name), (*c)->summary);
        if (opens_family(c)) put_described(out, (*c)->name, first_word((*c)->name), "more words follow");
    }
    put_described(out, "help", 4, "show the commands, or one's options");
    put_described(out, "--version", 9, "show the version");
    fputs("    )\n", out);
}

static void put_families(FILE *out) {
    for (const command *const *c = commands; *c; c++) {
        if (!opens_family(c)) continue;
        const char *family = family_of(*c);
        fprintf(out, "    %s)\n        commands=(\n", family);
        for (const command *const *member = c; *member; member++)
            if (strncmp((*member)->name, (*c)->name, (size_t)first_word((*c)->name) + 1) == 0)
                put_described(out, last_word(*member), (int)strlen(last_word(*member)), (*member)->summary);
        fputs("        )\n        ;;\n", out);
    }
}

void write_zsh_completion(FILE *out) {
    const known_values *named[MOST_NAMED];
    int count = named_values(named);
    fputs("#compdef sigmoe\n# zsh completion for sigmoe, made from the tables of its commands\n\n", out);
    for (int i = 0; i < count; i++) put_names(out, named[i]);
    fputs("_sigmoe() {\n", out);
    put_first_words(out);
    fputs("    if ((CURRENT == 2)); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    local command=$words[1]\n"
          "    case $command in\n"
          "    help)\n"
          "        commands+=('config:the keys of a configuration')\n"
          "        ;;\n",
        out);
    put_families(out);
    fputs("    *) commands=() ;;\n"
          "    esac\n"
          "    if (($#commands)); then\n"
          "        if ((CURRENT == 2)); then\n"
          "            _describe command commands\n"
          "            return\n"
          "        fi\n"
          "        shift words\n"
          "        ((CURRENT--))\n"
          "        command+=\" $words[1]\"\n"
          "    fi\n"
          "    case $command in\n",
        out);
    for (const command *const *c = commands; *c; c++) put_command(out, *c);
    fputs("    esac\n"
          "}\n\n"
          "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
          "    _sigmoe \"$@\"\n"
          "else\n"
          "    compdef _sigmoe sigmoe\n"
          "fi\n",
        out);
}
