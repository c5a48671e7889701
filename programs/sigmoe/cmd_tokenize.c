#include "commands.h"

#include "tokenizer_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tokenize_values {
    tokenizer_source source;
    const char *text;
    bool json;
} tokenize_values;

#define AT(member) offsetof(tokenize_values, member)

static const argument arguments[] = {
    {"text", ARGUMENT_TEXT, AT(text), "TEXT", .letter = 't', .may_be_empty = true, .values = &none_known,
        .help = "the text, instead of FILE"},
    {"json", ARGUMENT_FLAG, AT(json), .help = "print a JSON object for each text, {\"ids\": [...]}"},
};

static void defaults(void *values) {
    (void)values;
}

// Ids that belong together.
typedef struct id_list {
    int32_t *ids;
    int64_t count, room;
} id_list;

// Tokens are rarely more than bytes; where they are, it is done once more.
static sigmoe_status encode(const sigmoe_tokenizer *t, const char *text, size_t size, id_list *out) {
    int64_t room = (int64_t)size + 1;
    sigmoe_status status = SIGMOE_OK;
    for (out->count = 0; status == SIGMOE_OK && (out->count > out->room || !out->ids); room = out->count) {
        free(out->ids);
        out->ids = calloc((size_t)room, sizeof *out->ids);
        if (!out->ids) return SIGMOE_NO_MEMORY;
        out->room = room;
        status = sigmoe_tokenizer_encode(t, text, size, out->ids, out->room, &out->count);
    }
    return status;
}

static void print_ids(const id_list *list, bool json) {
    if (json) fputs("{\"ids\": [", stdout);
    for (int64_t i = 0; i < list->count; i++)
        printf("%s%" PRId32, i == 0 ? "" : json ? ", " : " ", list->ids[i]);
    puts(json ? "]}" : "");
}

static sigmoe_status tokenize(const sigmoe_tokenizer *t, const char *text, size_t size, bool json) {
    id_list list = {0};
    sigmoe_status status = encode(t, text, size, &list);
    if (status == SIGMOE_OK) print_ids(&list, json);
    free(list.ids);
    return status;
}

// What is wrong in a file is no wrong usage.
static int complain_of_text(const tokenize_values *v, const parsed_arguments *given, int64_t i) {
    const char *name = tokenizer_source_name(given), *sentence = sigmoe_message();
    if (!v->source.lines) return complain(EXIT_FAILED, "%s: %s", name, sentence);
    return complain(EXIT_FAILED, "%s, line %lld: %s", name, (long long)i + 1, sentence);
}

static int tokenize_input(
    const tokenize_values *v, const parsed_arguments *given, const sigmoe_tokenizer *t) {
    prompts texts;
    int exit_status = tokenizer_source_read(&v->source, given, &texts);
    for (int64_t i = 0; exit_status == EXIT_FINE && i < texts.count; i++)
        if (tokenize(t, texts.texts[i], texts.sizes[i], v->json) != SIGMOE_OK)
            exit_status = complain_of_text(v, given, i);
    prompts_free(&texts);
    return exit_status;
}

static int run(const parsed_arguments *given, void *values) {
    const tokenize_values *v = values;
    sigmoe_tokenizer *t;
    if (v->text && (given->positional_count || v->source.lines))
        return complain(EXIT_USAGE, "with --text TEXT there is neither a FILE nor --lines");
    int status = tokenizer_source_open(&v->source, &t);
    if (status != EXIT_FINE) return status;
    status = v->text ? report(tokenize(t, v->text, strlen(v->text), v->json)) : tokenize_input(v, given, t);
    sigmoe_tokenizer_free(t);
    return status;
}

static const help_entry examples[] = {
    {"tokenize --model run --text 'a mind of '", "The tokens of a few words:"},
    {"tokenize --model run --lines book.txt", "Those of each line of a file:"},
    {NULL, NULL},
};

const command command_tokenize = {
    .name = "tokenize",
    .summary = "the tokens of a text",
    .usage = "[FILE]",
    .details = "Prints the ids of the tokens of FILE or standard input, with spaces between them, on a line "
               "for each text.\n"
               "`sigmoe detokenize` is the reverse.",
    .examples = examples,
    .groups = {{tokenizer_arguments, TOKENIZER_ARGUMENTS, AT(source)},
        {arguments, ARGUMENT_COUNT(arguments), 0}},
    .positionals = 1,
    .words = {&known_paths, &known_paths},
    .values_size = sizeof(tokenize_values),
    .defaults = defaults,
    .run = run,
};
