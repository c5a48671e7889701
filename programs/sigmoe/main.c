// sigmoe: the program. Each command is a table of options and a function (commands.c lists them); this file finds the command.
#include "command_line.h"
#include "commands.h"
#include "help.h"
#include "layout.h"
#include "limits.h"
#include "standard_streams.h"
#include "synonyms.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_exit_statuses(void) {
    char line[1024];
    int used = snprintf(line, sizeof line, "Exit status:");
    for (const help_entry *e = exit_statuses; e->name; e++)
        used += snprintf(line + used, sizeof line - (size_t)used, "%s %s %s", e > exit_statuses ? "," : "",
            e->name, e->text);
    snprintf(
        line + used, sizeof line - (size_t)used, ". SIGUSR1 makes train, compare and sweep save and go on.");
    print_folded(line, 0, 0);
}

static void print_overview(void) {
    enum { NAME_COLUMNS = 15 };
    print_folded(
        "sigmoe: feedforward blocks and their approximations in Transformer-XL language models", 0, 0);
    puts("\nusage: sigmoe COMMAND [options]\n");
    for (const command *const *c = commands; *c; c++) print_entry((*c)->name, (*c)->summary, NAME_COLUMNS);
    putchar('\n');
    print_entry(
        "help config", "the keys of a model's configuration, for config.json and --set", NAME_COLUMNS);
    print_entry("help COMMAND", "a command's options; also sigmoe COMMAND --help", NAME_COLUMNS);
    print_entry("--version",
        "the version; with --verbose also the features, the processor's level and the libraries, with --json "
        "as JSON",
        NAME_COLUMNS);
    putchar('\n');
    print_exit_statuses();
}

static void print_config_keys(void) {
    enum { NAME_COLUMNS = 22 };
    char text[1024];
    print_folded("The keys of config.json, beside \"model_type\": \"sigmoe\", \"version\": 1 and the object "
                 "\"tokenizer\". --set takes the same paths: --set d_model=128 --set ff.k=4",
        0, 0);
    putchar('\n');
    sigmoe_option o;
    for (int i = 0; sigmoe_option_at(i, &o); i++) {
        bool everywhere = !o.applies || !*o.applies;
        snprintf(text, sizeof text, "%s%s%s%s (%s; %s)", everywhere ? "" : "[", everywhere ? "" : o.applies,
            everywhere ? "" : "] ", o.help, o.values, o.preset);
        print_entry(o.key, text, NAME_COLUMNS);
    }
}

// Number of words in argv that name the command: 2 for "bench layer", 0 if they do not.
static int words_matched(const command *c, int argc, char **argv) {
    size_t first = strcspn(c->name, " ");
    if (argc < 1 || strlen(argv[0]) != first || memcmp(c->name, argv[0], first) != 0) return 0;
    if (!c->name[first]) return 1;
    return argc > 1 && strcmp(argv[1], c->name + first + 1) == 0 ? 2 : 0;
}

static const command *find_command(int argc, char **argv, int *words) {
    for (const command *const *c = commands; *c; c++) {
        *words = words_matched(*c, argc, argv);
        if (*words) return *c;
    }
    return NULL;
}

// Whether `word` is the first of a two-word command, such as "bench".
static bool begins_family(const command *c, const char *word) {
    size_t first = strcspn(c->name, " ");
    return c->name[first] && strlen(word) == first && memcmp(word, c->name, first) == 0;
}

// "bench --help": prints the commands that begin with that word. False if there are none.
static bool print_family(const char *word) {
    enum { NAME_COLUMNS = 22 };
    bool any = false;
    char name[64];
    for (const command *const *c = commands; *c; c++) {
        if (!begins_family(*c, word)) continue;
        snprintf(name, sizeof name, "sigmoe %s", (*c)->name);
        print_entry(name, (*c)->summary, NAME_COLUMNS);
        any = true;
    }
    return any;
}

// The command in `known` that `word` resembles, or means in other programs; NULL: none.
static const char *meant_command(const char *word, const char *const *known, int count) {
    const char *synonym = synonym_of_command(word);
    return synonym ? synonym : sigmoe_nearest(word, known, count);
}

// `list` names the help to ask for: "sigmoe help", or "sigmoe bench --help".
static int no_such_command(const char *word, const char *meant, const char *list) {
    if (!meant) return complain(EXIT_USAGE, "there is no command `%s`; `%s` lists them", word, list);
    return complain(
        EXIT_USAGE, "there is no command `%s`; did you mean `%s`? `%s` lists them", word, meant, list);
}

static int unknown_command(int argc, char **argv) {
    enum { MOST = 64 };
    const char *known[MOST], *family[MOST];
    int count = 0, members = 0;
    for (const command *const *c = commands; *c && count < MOST; c++) {
        known[count++] = (*c)->name;
        if (begins_family(*c, argv[0])) family[members++] = (*c)->name + strlen(argv[0]) + 1;
    }
    if (members == 0) return no_such_command(argv[0], meant_command(argv[0], known, count), "sigmoe help");
    if (argc == 1 || argv[1][0] == '-')
        return complain(
            EXIT_USAGE, "%s needs another word behind it; `sigmoe %s --help` lists them", argv[0], argv[0]);
    char both[128], meant[128], list[64];
    const char *nearest = sigmoe_nearest(argv[1], family, members);
    snprintf(both, sizeof both, "%s %s", argv[0], argv[1]);
    snprintf(meant, sizeof meant, "%s %s", argv[0], nearest ? nearest : "");
    snprintf(list, sizeof list, "sigmoe %.32s --help", argv[0]);
    return no_such_command(both, nearest ? meant : NULL, list);
}

// For a command line that begins with an option: only --version, --help and -h may precede the command.
static int option_first(int argc, char **argv) {
    static const char *const known[] = {"--version", "--help"};
    const char *word = argv[0], *meant = sigmoe_nearest(word, known, COUNT(known));
    int words = 0;
    if (strcmp(word, "-v") == 0 || strcmp(word, "-V") == 0) meant = "--version";
    if (meant) return complain(EXIT_USAGE, "there is no option %s; use %s", word, meant);
    for (int i = 1; i < argc; i++) {
        const command *c = find_command(argc - i, argv + i, &words);
        if (c)
            return complain(EXIT_USAGE, "the command comes first, its options behind it: `sigmoe %s %s ...`",
                c->name, word);
    }
    return complain(EXIT_USAGE,
        "the command comes first, its options behind it: `sigmoe COMMAND %s ...`; `sigmoe help` lists the "
        "commands",
        word);
}

static int show_help(int argc, char **argv) {
    int words;
    const command *c = find_command(argc, argv, &words);
    if (argc == 0)
        print_overview();
    else if (strcmp(argv[0], "config") == 0)
        print_config_keys();
    else if (c)
        command_help(c);
    else if (!print_family(argv[0]))
        return unknown_command(argc, argv);
    return EXIT_FINE;
}

static int run_command(const command *c, int argc, char **argv) {
    parsed_arguments arguments;
    int status = arguments_parse(c, argc, argv, &arguments);
    if (status != EXIT_FINE) return status;
    if (arguments.help) {
        command_help(c);
        return EXIT_FINE;
    }
    void *values = calloc(1, c->values_size);
    if (!values) return complain(EXIT_FAILED, "out of memory");
    if (c->defaults) c->defaults(values);
    arguments_fill(&arguments, values);
    status = c->run(&arguments, values);
    free(values);
    return status;
}

// *ran is the command that was executed, if any.
static int dispatch(int argc, char **argv, const command **ran) {
    if (argc == 0) return complain(EXIT_USAGE, "which command? `sigmoe help` lists them");
    if (strcmp(argv[0], "--version") == 0) return show_version(argc - 1, argv + 1);
    if (strcmp(argv[0], "help") == 0) return show_help(argc - 1, argv + 1);
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) return show_help(0, argv);
    if (argv[0][0] == '-') return option_first(argc, argv);
    int words;
    const command *c = find_command(argc, argv, &words);
    *ran = c;
    if (c) return run_command(c, argc - words, argv + words);
    bool asks_for_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (asks_for_help && print_family(argv[0])) return EXIT_FINE;
    return unknown_command(argc, argv);
}

// Output must have been delivered: a full disk behind `> file` is a failure, too. Only a command whose result is in files does
// not need a reader.
static int finish_output(const command *ran, int status) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    int error = errno;
    if (status != EXIT_FINE || (ran && ran->leaves_files && standard_output_is_gone())) return status;
    if (error == EPIPE) return complain_unread();
    return complain(EXIT_FAILED, "cannot write to standard output: %s", strerror(error));
}

int main(int argc, char **argv) {
    const command *ran = NULL;
    command_line_keep(argc, argv);
    limits_meet();
    standard_streams_fill();
    int status = report(sigmoe_initialize());
    if (status == EXIT_FINE) status = dispatch(argc - 1, argv + 1, &ran);
    return finish_output(ran, status);
}
