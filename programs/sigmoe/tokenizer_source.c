#include "tokenizer_source.h"

#include "report.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(tokenizer_source, member)

const argument tokenizer_arguments[TOKENIZER_ARGUMENTS] = {
    {"model", ARGUMENT_TEXT, AT(model), "DIR",
        .help = "whose tokenizer: a model directory, or a RUN: its newest checkpoint"},
    {"data", ARGUMENT_TEXT, AT(data), "DIR", .help = "or what `sigmoe data prepare` made"},
    {"lines", ARGUMENT_FLAG, AT(lines), .help = "each line is a text of its own; otherwise all is one"},
};

int tokenizer_source_open(const tokenizer_source *source, sigmoe_tokenizer **out) {
    if (!source->model == !source->data)
        return complain(EXIT_USAGE, "give either --model DIR or --data DIR, whose tokenizer it is");
    return report(source->model ? sigmoe_tokenizer_of_model(source->model, out)
                                : sigmoe_tokenizer_of_data(source->data, out));
}

static const char *input(const parsed_arguments *given) {
    return given->positional_count ? given->positionals[0] : "-";
}

int tokenizer_source_read(const tokenizer_source *source, const parsed_arguments *given, prompts *texts) {
    return source->lines ? prompts_read_lines(input(given), texts) : prompts_read_file(input(given), texts);
}

const char *tokenizer_source_name(const parsed_arguments *given) {
    return strcmp(input(given), "-") == 0 ? "standard input" : input(given);
}
