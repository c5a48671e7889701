#include "commands.h"

#include "progress.h"

#include <string.h>

typedef struct data_values {
    sigmoe_prepare_request request;
} data_values;

static const argument arguments[] = {
    {"out", ARGUMENT_TEXT, offsetof(data_values, request.out), "DIR", .required = true,
        .help = "directory to make"},
    {"force", ARGUMENT_FLAG, offsetof(data_values, request.force), .help = "replace DIR when it exists"},
};

static int run(const parsed_arguments *given, void *values) {
    data_values *v = values;
    if (given->positional_count == 0)
        return complain(
            EXIT_USAGE, "data prepare needs a kind: text FILE..., enwik8 [FILE|URL] or gcide [FILE]");
    static const char *const kinds[] = {"text", "enwik8", "gcide"};
    const char *kind = given->positionals[0];
    bool known = false;
    for (int i = 0; i < COUNT(kinds); i++) known = known || strcmp(kind, kinds[i]) == 0;
    if (!known)
        return complain(EXIT_USAGE,
            "data prepare knows no `%s`, did you mean %s? It takes text FILE..., enwik8 or gcide", kind,
            nearest_word(kind, kinds, COUNT(kinds)));
    int inputs = given->positional_count - 1;
    if (strcmp(kind, "text") == 0 && inputs == 0)
        return complain(EXIT_USAGE, "data prepare text needs at least one file");
    if (strcmp(kind, "text") != 0 && inputs > 1)
        return complain(EXIT_USAGE, "data prepare %s takes one file at most, but got %d", kind, inputs);
    v->request.kind = kind;
    v->request.inputs = (const char *const *)given->positionals + 1;
    v->request.input_count = inputs;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, 0);
    sigmoe_status status = sigmoe_prepare(&v->request, &observer);
    progress_close(&display);
    return report(status);
}

const command command_data_prepare = {
    .name = "data prepare",
    .summary = "make token shards from text: splits, alphabet, sizes",
    .usage = "{text FILE... | enwik8 [FILE|URL] | gcide [FILE]}",
    .details = "  text FILE...       any text files, split 90/5/5 into train, valid and test\n"
               "  enwik8 [FILE|URL]  100 MB of Wikipedia, split 90/5/5 million; FILE is enwik8.zip or the "
               "raw file, a URL is\n"
               "                     downloaded, and without either the usual place is asked\n"
               "  gcide [FILE]       the GNU dictionary of English as Debian packages it, split 90/5/5; FILE "
               "is the .deb or\n"
               "                     the .dict.dz, without it the package is fetched\n\n"
               "Tokens are bytes. DIR gets train.bin, valid.bin, test.bin and meta.json.",
    .groups = {{arguments, COUNT(arguments), 0}},
    .positionals = 4096,
    .values_size = sizeof(data_values),
    .run = run,
};
