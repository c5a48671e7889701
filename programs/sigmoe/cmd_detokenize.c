#include "commands.h"

#include "tokenizer_source.h"

#include <stdio.h>
#include <stdlib.h>

static void defaults(void *values) {
    (void)values;
}

// The ids that a text consists of.
typedef struct reading {
    const char *text, *end;
    const char *at;
    const char *file;
    int64_t line; // of the text's first byte
    int64_t vocabulary;
} reading;

static bool separates(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t word_size(const char *at, const char *end) {
    size_t size = 0;
    while (at + size < end && !separates(at[size])) size++;
    return size;
}

static int complain_of_word(const reading *r, size_t size) {
    int64_t line = r->line, column = 1;
    for (const char *c = r->text; c < r->at; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    return complain(EXIT_FAILED,
        "%s, line %lld, column %lld: \"%.*s\" is no token of the tokenizer's, 0 to %lld", r->file,
        (long long)line, (long long)column, (int)(size < 40 ? size : 40), r->at,
        (long long)r->vocabulary - 1);
}

// Whether the word is a decimal number below the vocabulary's size.
static bool read_id(const char *word, size_t size, int64_t vocabulary, int32_t *id) {
    int64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (word[i] < '0' || word[i] > '9') return false;
        value = 10 * value + (word[i] - '0');
        if (value >= vocabulary) return false;
    }
    *id = (int32_t)value;
    return true;
}

// ids: room for one of each two bytes, and one more.
static int read_ids(reading *r, int32_t *ids, int64_t *count) {
    for (*count = 0;;) {
        while (r->at < r->end && separates(*r->at)) r->at++;
        size_t size = word_size(r->at, r->end);
        if (size == 0) return EXIT_FINE;
        if (!read_id(r->at, size, r->vocabulary, &ids[*count])) return complain_of_word(r, size);
        r->at += size;
        ++*count;
    }
}

static int print_text(const sigmoe_tokenizer *t, const int32_t *ids, int64_t count) {
    char *text;
    size_t size;
    int status = report(sigmoe_tokenizer_decode(t, ids, count, &text, &size));
    if (status != EXIT_FINE) return status;
    fwrite(text, 1, size, stdout);
    sigmoe_free(text);
    return EXIT_FINE;
}

static int detokenize(const sigmoe_tokenizer *t, reading *r) {
    int32_t *ids = calloc((size_t)(r->end - r->text) / 2 + 1, sizeof *ids);
    int64_t count;
    if (!ids) return complain(EXIT_FAILED, "no memory for the tokens of %s", r->file);
    int status = read_ids(r, ids, &count);
    if (status == EXIT_FINE) status = print_text(t, ids, count);
    free(ids);
    return status;
}

static int detokenize_input(
    const tokenizer_source *source, const parsed_arguments *given, const sigmoe_tokenizer *t) {
    prompts texts;
    int status = tokenizer_source_read(source, given, &texts);
    for (int64_t i = 0; status == EXIT_FINE && i < texts.count; i++) {
        reading r = {.text = texts.texts[i],
            .end = texts.texts[i] + texts.sizes[i],
            .at = texts.texts[i],
            .file = tokenizer_source_name(given),
            .line = i + 1,
            .vocabulary = sigmoe_tokenizer_vocab_size(t)};
        status = detokenize(t, &r);
        if (status == EXIT_FINE && source->lines) putchar('\n');
    }
    prompts_free(&texts);
    return status;
}

static int run(const parsed_arguments *given, void *values) {
    const tokenizer_source *source = values;
    sigmoe_tokenizer *t;
    int status = tokenizer_source_open(source, &t);
    if (status != EXIT_FINE) return status;
    status = detokenize_input(source, given, t);
    sigmoe_tokenizer_free(t);
    return status;
}

static const help_entry examples[] = {
    {"detokenize --model run ids.txt", "The text of ids in a file:"},
    {NULL, NULL},
};

const command command_detokenize = {
    .name = "detokenize",
    .summary = "the text of tokens",
    .usage = "[FILE]",
    .details = "Prints the text of the token ids, numbers with white space between them, of FILE or standard "
               "input, and nothing\n"
               "else: it is the reverse of `sigmoe tokenize`. With --lines, each text has a line.",
    .examples = examples,
    .groups = {{tokenizer_arguments, TOKENIZER_ARGUMENTS, 0}},
    .positionals = 1,
    .words = {&known_paths, &known_paths},
    .values_size = sizeof(tokenizer_source),
    .defaults = defaults,
    .run = run,
};
