// A command line, a word on each line, without running it: the first names the command, or is a number that does.
#include "fuzz.h"

#include "sigmoe/commands.h"

enum { MOST_WORDS = 160 };

static const command *command_of(const char *word) {
    int count = 0;
    for (const command *const *c = commands; *c; c++, count++)
        if (strcmp((*c)->name, word) == 0) return *c;
    return commands[(unsigned char)word[0] % count];
}

static int split_words(char *text, size_t size, char **words) {
    int count = 0;
    for (size_t at = 0; at < size && count < MOST_WORDS; at += strlen(text + at) + 1) {
        char *end = strchr(text + at, '\n');
        if (end) *end = '\0';
        words[count++] = text + at;
    }
    return count;
}

static bool in_range(const argument *a, double value) {
    return a->low == a->high || (value >= a->low && value <= a->high);
}

static void check_argument(const argument *a, const void *value) {
    int choices = 0;
    switch (a->type) {
    case ARGUMENT_INT:
        if (!in_range(a, *(const int *)value)) abort();
        break;
    case ARGUMENT_INTEGER:
        if (!in_range(a, (double)*(const int64_t *)value)) abort();
        break;
    case ARGUMENT_NUMBER:
        if (!in_range(a, *(const double *)value)) abort();
        break;
    case ARGUMENT_CHOICE:
        while (a->choices[choices]) choices++;
        if (*(const int *)value < 0 || *(const int *)value >= choices) abort();
        break;
    case ARGUMENT_REPEATED:
        for (int i = 0; i < ((const text_list *)value)->count; i++)
            if (!((const text_list *)value)->items[i]) abort();
        break;
    case ARGUMENT_FLAG:
    case ARGUMENT_MEMORY: // nothing is stored
    case ARGUMENT_TEXT:
    case ARGUMENT_SEED:
        break;
    }
}

// What was accepted is of the right type and in range; what is required was given.
static void check_values(const parsed_arguments *given) {
    const command *c = given->command;
    char *values = calloc(1, c->values_size);
    if (!values) abort();
    if (c->defaults) c->defaults(values);
    arguments_fill(given, values);
    const argument *a;
    size_t offset;
    for (int i = 0; (a = argument_at(c, i, &offset)); i++) {
        if (a->required && !arguments_given(given, a->name)) abort();
        if (arguments_given(given, a->name)) check_argument(a, values + offset);
    }
    if (given->positional_count > c->positionals) abort();
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static FILE *nowhere;
    char *words[MOST_WORDS], *text = malloc(size + 1);
    if (!nowhere) nowhere = stderr = fopen("/dev/null", "w"); // complaints
    if (!text || !nowhere) abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    int count = split_words(text, size, words);
    parsed_arguments given;
    if (count > 0 && arguments_parse(command_of(words[0]), count - 1, words + 1, &given) == EXIT_FINE &&
        !given.help)
        check_values(&given);
    free(text);
    return 0;
}
