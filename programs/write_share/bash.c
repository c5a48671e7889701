#include "write_share/share.h"
#include "write_share/tables.h"

#include <string.h>

// Words are separated by spaces; none of ours has one.
static void put_names(FILE *out, const known_values *values) {
    help_entry entry;
    fprintf(out, "_sigmoe_%ss='", values->name);
    for (int i = 0; values->at(i, &entry); i++)
        fprintf(out, "%s%.*s%s", i ? " " : "", first_word(entry.name), entry.name,
            values->suffix ? values->suffix : "");
    fputs("'\n", out);
}

// What completes `value`: a function below and its words.
static void put_values(FILE *out, const known_values *values) {
    if (values->list)
        fprintf(out, "_sigmoe_listed \"$_sigmoe_%ss\"", values->name);
    else if (values->at)
        fprintf(out, "_sigmoe_named \"$_sigmoe_%ss\"", values->name);
    if (values->at && values->paths) fputs("; ", out);
    if (values->paths) fputs("_sigmoe_paths -f", out);
    if (values->directories) fputs("_sigmoe_paths -d", out);
    if (!values->at && !values->paths && !values->directories) fputc(':', out);
}

static void put_options(FILE *out, const command *c, bool flags) {
    const argument *a;
    bool first = true;
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) {
        if (flags && a->type != ARGUMENT_FLAG) continue;
        fprintf(out, "%s--%s", first ? "" : " ", a->name);
        first = false;
    }
    if (!flags) fputs(" --help", out);
}

static void put_option_case(FILE *out, const command *c, const argument *a) {
    if (a->type == ARGUMENT_FLAG) return;
    fprintf(out, "    '%s --%s') ", c->name, a->name);
    if (a->choices) {
        fputs("_sigmoe_named '", out);
        for (int i = 0; a->choices[i]; i++) fprintf(out, "%s%s", i ? " " : "", a->choices[i]);
        fputc('\'', out);
    } else {
        put_values(out, argument_values(a));
    }
    fputs(" ;;\n", out);
}

// Known words behind the command's name: those of a family, or all commands.
static void put_command_words(FILE *out) {
    fputs("    local commands='", out);
    for (const command *const *c = commands; *c; c++)
        if (!*family_of(*c) || opens_family(c)) fprintf(out, "%.*s ", first_word((*c)->name), (*c)->name);
    fputs("help --help --version'\n    case $command in\n", out);
    for (const command *const *c = commands; *c; c++) {
        if (!opens_family(c)) continue;
        fprintf(out, "    '%s') commands='", family_of(*c));
        for (const command *const *member = c; *member; member++)
            if (first_word((*member)->name) == first_word((*c)->name) &&
                strncmp((*member)->name, (*c)->name, (size_t)first_word((*c)->name) + 1) == 0)
                fprintf(out, "%s%s", member > c ? " " : "", last_word(*member));
        fputs("' ;;\n", out);
    }
    fputs("    help) commands='config", out);
    for (const command *const *c = commands; *c; c++)
        if (!*family_of(*c) || opens_family(c)) fprintf(out, " %.*s", first_word((*c)->name), (*c)->name);
    fputs("' ;;\n    esac\n", out);
}

static void put_families(FILE *out) {
    bool first = true;
    for (const command *const *c = commands; *c; c++)
        if (opens_family(c)) {
            fprintf(out, "%s%s", first ? "" : " | ", family_of(*c));
            first = false;
        }
}

void write_bash_completion(FILE *out) {
    const known_values *named[MOST_NAMED];
    const argument *a;
    int count = named_values(named);
    fputs("# bash completion for sigmoe, made from the tables of its commands\n\n", out);
    for (int i = 0; i < count; i++) put_names(out, named[i]);
    fputs("\n"
          "# bash takes = and : for the ends of words; what it replaces is only the part behind them.\n"
          "_sigmoe_add() {\n"
          "    local word\n"
          "    for word; do COMPREPLY+=(\"${word#\"$given\"}\"); done\n"
          "}\n\n"
          "_sigmoe_named() {\n"
          "    local IFS=$' \\n'\n"
          "    # shellcheck disable=SC2046  # words are words\n"
          "    _sigmoe_add $(compgen -W \"$1\" -P \"$before\" -- \"$value\")\n"
          "    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
          "}\n\n"
          "# Behind the last comma of a list.\n"
          "_sigmoe_listed() {\n"
          "    [[ $value == *,* ]] && before+=${value%,*}, value=${value##*,}\n"
          "    _sigmoe_named \"$1\"\n"
          "    compopt -o nospace 2>/dev/null\n"
          "}\n\n"
          "_sigmoe_paths() {\n"
          "    local path\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    while IFS= read -r path; do _sigmoe_add \"$before$path\"; done < <(compgen \"$1\" -- "
          "\"$value\")\n"
          "}\n\n"
          "_sigmoe() {\n"
          "    local words=() token i\n"
          "    COMPREPLY=()\n"
          "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
          "        token=${COMP_WORDS[i]}\n"
          "        if ((i > 0)) && [[ $token == [=:]* || ${words[-1]} == *[=:] ]]; then\n"
          "            words[-1]+=$token\n"
          "        else\n"
          "            words+=(\"$token\")\n"
          "        fi\n"
          "    done\n"
          "    [[ $token == [=:] ]] && token=''\n"
          "    local current=${words[-1]} last=$((${#words[@]} - 1)) first=2 command=${words[1]-}\n"
          "    local given=${current%\"$token\"} before='' value=$current\n"
          "    case $command in\n    ",
        out);
    put_families(out);
    fputs(")\n"
          "        command+=\" ${words[2]-}\"\n"
          "        first=3\n"
          "        ;;\n"
          "    esac\n"
          "    if ((last < first)) || [[ ${words[1]} == help ]]; then\n"
          "        ((last == 1)) && command='' || command=${words[1]}\n",
        out);
    put_command_words(out);
    fputs("        _sigmoe_named \"$commands\"\n"
          "        return\n"
          "    fi\n\n"
          "    local options='' flags=''\n"
          "    case $command in\n",
        out);
    for (const command *const *c = commands; *c; c++) {
        fprintf(out, "    '%s')\n        options='", (*c)->name);
        put_options(out, *c, false);
        fputs("'\n        flags='", out);
        put_options(out, *c, true);
        fputs("'\n        ;;\n", out);
    }
    fputs("    *) return ;;\n"
          "    esac\n\n"
          "    local option=''\n"
          "    if [[ $current == --*=* ]]; then\n"
          "        option=${current%%=*} before=${current%%=*}= value=${current#*=}\n"
          "    elif ((last > first)) && [[ ${words[last - 1]} == --* && \" --help $flags \" != *\" "
          "${words[last - 1]} \"* ]]; then\n"
          "        option=${words[last - 1]}\n"
          "    fi\n"
          "    case \"$command $option\" in\n",
        out);
    for (const command *const *c = commands; *c; c++)
        for (int i = 0; (a = argument_at(*c, i, NULL)); i++) put_option_case(out, *c, a);
    fputs("    esac\n"
          "    [[ $option ]] && return\n"
          "    if [[ $current == -* ]]; then\n"
          "        _sigmoe_named \"$options\"\n"
          "        return\n"
          "    fi\n\n"
          "    # How many words that are no options, nor values of options, stand before.\n"
          "    local position=0\n"
          "    for ((i = first; i < last; i++)); do\n"
          "        case ${words[i]} in\n"
          "        --*=*) ;;\n"
          "        --*) [[ \" $flags \" == *\" ${words[i]} \"* ]] || ((i++)) ;;\n"
          "        *) ((position++)) ;;\n"
          "        esac\n"
          "    done\n"
          "    ((position > 1)) && position=1\n"
          "    case \"$command $position\" in\n",
        out);
    for (const command *const *c = commands; *c; c++)
        for (int i = 0; i < 2; i++) {
            if (!(*c)->words[i]) continue;
            fprintf(out, "    '%s %d') ", (*c)->name, i);
            put_values(out, (*c)->words[i]);
            fputs(" ;;\n", out);
        }
    fputs("    esac\n"
          "}\n\n"
          "complete -F _sigmoe sigmoe\n",
        out);
}
