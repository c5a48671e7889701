#include "commands.h"

#include "command_line.h"
#include "json_output.h"
#include "layout.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct data_values {
    sigmoe_prepare_request request;
    int threads;
    output_options output;
} data_values;

#define AT(member) offsetof(data_values, request.member)
static const char *const tokenizers[] = {"bytes", "sentencepiece", NULL};
static const char *const ways_to_split[] = {"shuffle-files", "sequential", NULL};

static const argument arguments[] = {
    {"out", ARGUMENT_TEXT, AT(out), "DIR", .required = true, .help = "directory to make"},
    {"force", ARGUMENT_FLAG, AT(force), .help = "replace DIR when it exists, if sigmoe made it"},
    {"tokenizer", ARGUMENT_TEXT, AT(tokenizer), "KIND", .choices = tokenizers,
        .preset = "bytes, and sentencepiece for wikitext103, c4, pes2o",
        .help = "what cuts the text into tokens"},
    {"vocab-size", ARGUMENT_INTEGER, AT(vocab_size), "N", .low = 1, .high = 1 << 20, .preset = "8000",
        .help = "tokens of sentencepiece; fewer where the text does not give so many"},
    {"train-shards", ARGUMENT_INTEGER, AT(train_shards), "N", .low = 1, .high = 1 << 20, .preset = "all",
        .help = "c4, pes2o: use the first N shards for training"},
    {"valid-shards", ARGUMENT_INTEGER, AT(valid_shards), "N", .low = 1, .high = 1 << 20, .preset = "all",
        .help = "c4, pes2o: use N shards for validation"},
    {"split", ARGUMENT_TEXT, AT(split), "WAY", .choices = ways_to_split,
        .preset = "shuffle-files where that comes near to 90/5/5, or else sequential",
        .help = "text: whole files to each split, or cut all text at 90 and 95 %"},
    {"raw", ARGUMENT_FLAG, AT(raw),
        .help = "text: take the files' bytes as they are, unpack and refuse nothing"},
    {"skip-bad-lines", ARGUMENT_FLAG, AT(skip_bad_lines),
        .help = "c4, pes2o: count lines that hold no text, instead of refusing them"},
    {"offline", ARGUMENT_FLAG, AT(offline),
        .help = "fetch nothing: use files, and what an interrupted command has left"},
    {"threads", ARGUMENT_INT, offsetof(data_values, threads), "N", .low = 1, .high = 1024,
        .preset = "what the machine allows",
        .help = "threads of sentencepiece; the result does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_prepare_defaults(&((data_values *)values)->request);
}

// Kinds of corpora, and the number of words each takes.
typedef struct kind {
    const char *name;
    int least, most;
    const char *usage, *help;
} kind;
enum { ANY_NUMBER = 1 << 20 };
static const kind kinds[] = {
    {"text", 1, ANY_NUMBER, "text FILE|DIR|PATTERN...",
        "any text files, split 90/5/5 into train, valid and test (see --split); what is packed (gz, xz, bz2, "
        "zst, zip: all its files, in its order) is unpacked, and what is no text refused. A DIR is all files "
        "in it and below it, sorted by name, without those that are no text; so is a PATTERN such as "
        "'books/*.txt' or 'books/**/*.txt'"},
    {"enwik8", 0, 1, "enwik8 [FILE|URL]",
        "100 MB of Wikipedia, split 90/5/5 million; FILE is enwik8.zip or the raw file, a URL is downloaded, "
        "and without either the usual place is asked"},
    {"gcide", 0, 1, "gcide [FILE]",
        "the GNU dictionary of English as Debian packages it, split 90/5/5; FILE is the .deb or the "
        ".dict.dz, without "
        "it the package is fetched"},
    {"wikitext103", 0, 1, "wikitext103 [ZIP|DIR|URL]",
        "WikiText-103, split as given: wiki.train.tokens, wiki.valid.tokens, wiki.test.tokens"},
    {"c4", 0, ANY_NUMBER, "c4 [SHARD...]",
        "the C4 corpus, as JSON lines with a field `text`, packed (gz, zst, xz, bz2, zip) or not; a SHARD "
        "may be a URL, and without any the public ones are fetched (300 GB, see --train-shards). Shards with "
        "\"valid\" in their names are for validation; where none has it, the last is, or the last "
        "--valid-shards. The test split is the validation text"},
    {"pes2o", 0, ANY_NUMBER, "pes2o [SHARD...]", "the peS2o corpus of papers, in the form of c4"},
};

static bool kind_at(int index, help_entry *entry) {
    if (index >= COUNT(kinds)) return false;
    *entry = (help_entry){kinds[index].usage, kinds[index].help};
    return true;
}
static const known_values known_kinds = {.name = "kind", .at = kind_at};

static const kind *find_kind(const char *name) {
    for (int i = 0; i < COUNT(kinds); i++)
        if (strcmp(name, kinds[i].name) == 0) return &kinds[i];
    return NULL;
}

static const char KINDS[] = "text FILE|DIR..., enwik8, gcide, wikitext103, c4 or pes2o";

static int complain_kind(const char *name) {
    const char *names[COUNT(kinds)];
    for (int i = 0; i < COUNT(kinds); i++) names[i] = kinds[i].name;
    const char *nearest = sigmoe_nearest(name, names, COUNT(kinds));
    if (nearest)
        return complain(
            EXIT_USAGE, "data prepare knows no `%s`, did you mean %s? It takes %s", name, nearest, KINDS);
    if (access(name, F_OK) == 0)
        return complain(EXIT_USAGE,
            "data prepare needs a word for what `%s` is, as in `sigmoe data prepare text %s`; it takes %s",
            name, name, KINDS);
    return complain(EXIT_USAGE, "data prepare knows no `%s`; it takes %s", name, KINDS);
}

static int print_summary(const char *data) {
    char *summary;
    sigmoe_status status = sigmoe_data_summary(data, &summary);
    if (status != SIGMOE_OK) return report(status);
    print_fitted(summary);
    sigmoe_free(summary);
    printf("\nnext: sigmoe compare --base demo --variants dense,sigma-moe --out RUN --data ");
    print_word(stdout, data);
    fputs("\n  or: sigmoe train --preset demo --out RUN --data ", stdout);
    print_word(stdout, data);
    putchar('\n');
    return EXIT_FINE;
}

// The contents of meta.json, and where it is.
static int print_meta(const char *directory) {
    json_output j = {0};
    char *meta;
    int status = json_file_read(directory, "meta.json", &meta);
    if (status != EXIT_FINE) return status;
    emit_open(&j, NULL, '{');
    emit_string(&j, "directory", directory);
    emit_members(&j, meta);
    emit_close(&j, '}');
    free(meta);
    return EXIT_FINE;
}

static int run(const parsed_arguments *given, void *values) {
    data_values *v = values;
    if (given->positional_count == 0) return complain(EXIT_USAGE, "data prepare needs a kind: %s", KINDS);
    const kind *k = find_kind(given->positionals[0]);
    if (!k) return complain_kind(given->positionals[0]);
    int inputs = given->positional_count - 1;
    if (inputs < k->least) return complain(EXIT_USAGE, "data prepare %s needs at least one file", k->name);
    if (inputs > k->most)
        return complain(EXIT_USAGE, "data prepare %s takes one file at most, but got %d", k->name, inputs);
    v->request.kind = k->name;
    v->request.inputs = (const char *const *)given->positionals + 1;
    v->request.input_count = inputs;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    sigmoe_status status = sigmoe_prepare(&v->request, &observer);
    progress_close(&display);
    if (status != SIGMOE_OK) return report(status);
    return v->output.json ? print_meta(v->request.out) : print_summary(v->request.out);
}

static const help_entry files[] = {
    {"DIR/train.bin", "tokens of the training split; also valid.bin and test.bin"},
    {"DIR/meta.json", "sizes and scores of the splits, alphabet or tokenizer, and where the text came from"},
    {"DIR/tokenizer.model", "SentencePiece's, with --tokenizer sentencepiece"},
    {"DIR/files.jsonl", "which file went into which split, with --split shuffle-files"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"data prepare text book.txt --out data", "Bytes of a text as tokens:"},
    {"data prepare text books 'more/**/*.txt' --out library",
        "All files of a directory, and those that match:"},
    {"data prepare text book.txt --tokenizer sentencepiece --vocab-size 500 --out pieces",
        "Pieces of words instead:"},
    {NULL, NULL},
};

const command command_data_prepare = {
    .name = "data prepare",
    .summary = "make token shards from text: splits, tokenizer, sizes",
    .usage = "KIND [FILE|DIR|URL]...",
    .details = "Files are told by what they hold, whatever their names. `-` is standard input; it and pipes "
               "are copied to the disk while they are read. The tokenizer of sentencepiece is trained on the "
               "training split.",
    .list_title = "Kinds of text",
    .list = &known_kinds,
    .files = files,
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},
        {output_arguments, OUTPUT_ARGUMENTS, offsetof(data_values, output)}},
    .words = {&known_kinds, &known_paths},
    .positionals = 4096,
    .leaves_files = true,
    .values_size = sizeof(data_values),
    .defaults = defaults,
    .run = run,
};
