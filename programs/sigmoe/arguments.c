#include "arguments.h"

#include "report.h"
#include "synonyms.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct argument_place {
    int group, index; // -1 if there is no such argument
} argument_place;

static argument_place argument_find(const command *c, const char *name, size_t length) {
    for (int g = 0; g < ARGUMENT_GROUPS && c->groups[g].arguments; g++)
        for (int i = 0; i < c->groups[g].count; i++) {
            const char *known = c->groups[g].arguments[i].name;
            if (strlen(known) == length && memcmp(known, name, length) == 0) return (argument_place){g, i};
        }
    return (argument_place){-1, -1};
}

// The option that "-p" stands for.
static argument_place argument_lettered(const command *c, const char *word) {
    for (int g = 0; g < ARGUMENT_GROUPS && c->groups[g].arguments; g++)
        for (int i = 0; i < c->groups[g].count; i++)
            if (word[1] && word[1] == c->groups[g].arguments[i].letter && !word[2])
                return (argument_place){g, i};
    return (argument_place){-1, -1};
}

static const argument *argument_named(const command *c, const char *name, size_t length) {
    argument_place place = argument_find(c, name, length);
    return place.group < 0 ? NULL : &c->groups[place.group].arguments[place.index];
}

// The option of this command that `word` resembles, or means in other programs. NULL: none.
static const argument *meant_option(const command *c, const char *word) {
    const char *known[ARGUMENT_GROUPS * ARGUMENTS_IN_GROUP], *name;
    int count = 0, at = 0;
    while ((name = next_synonym_of_option(word, &at))) {
        const argument *a = argument_named(c, name, strlen(name));
        if (a) return a;
    }
    for (int g = 0; g < ARGUMENT_GROUPS && c->groups[g].arguments; g++)
        for (int i = 0; i < c->groups[g].count; i++) known[count++] = c->groups[g].arguments[i].name;
    name = sigmoe_nearest(word, known, count);
    return name ? argument_named(c, name, strlen(name)) : NULL;
}

// "d_model" for "d-model", "ff.k" for "k": a key that --set accepts. False if no key resembles the word.
static bool meant_key(const char *word, char *key, size_t size) {
    sigmoe_option option;
    for (int i = 0; sigmoe_option_at(i, &option); i++) {
        const char *name = strchr(option.key, '.') ? strchr(option.key, '.') + 1 : option.key;
        size_t same = 0;
        while (name[same] && (word[same] == name[same] || (word[same] == '-' && name[same] == '_'))) same++;
        if (name[same] || word[same]) continue;
        snprintf(key, size, "%s", option.key);
        return true;
    }
    return false;
}

static int unknown_option(const command *c, const char *name, size_t length) {
    char word[64], key[128];
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), name);
    if (argument_named(c, "set", 3) && meant_key(word, key, sizeof key))
        return complain(EXIT_USAGE, "%s has no option --%s; the configuration is changed by --set %s=VALUE",
            c->name, word, key);
    const argument *meant = meant_option(c, word);
    if (!meant)
        return complain(
            EXIT_USAGE, "%s has no option --%s; `sigmoe %s --help` lists them", c->name, word, c->name);
    return complain(EXIT_USAGE, "%s has no option --%s; did you mean --%s%s%s? `sigmoe %s --help` lists them",
        c->name, word, meant->name, meant->placeholder ? " " : "",
        meant->placeholder ? meant->placeholder : "", c->name);
}

static bool is_whole_number(argument_type type) {
    return type == ARGUMENT_INT || type == ARGUMENT_INTEGER || type == ARGUMENT_SEED;
}

const char *argument_range(const argument *a, char *buffer, size_t size) {
    buffer[0] = 0;
    if (a->low == a->high) return buffer;
    if (isinf(a->high))
        snprintf(buffer, size, "at least %.17g", a->low);
    else
        snprintf(buffer, size, "%.17g..%.17g", a->low, a->high);
    return buffer;
}

// A number too large for its type becomes infinite, which is outside any range.
static bool parse_number(argument_type type, const char *text, double *value) {
    char *end;
    errno = 0;
    if (*text == 0 || isspace((unsigned char)*text) || (type == ARGUMENT_SEED && *text == '-')) return false;
    if (type == ARGUMENT_SEED)
        *value = (double)strtoull(text, &end, 10);
    else if (is_whole_number(type))
        *value = (double)strtoll(text, &end, 10);
    else
        *value = strtod(text, &end);
    if (*end || end == text) return false;
    if (errno == ERANGE && (is_whole_number(type) || !(fabs(*value) < 1))) {
        *value = copysign(INFINITY, *value);
        return true;
    }
    return isfinite(*value);
}

// "8G", "8GB", "7.5GiB", "800M", "4000000000"; 0 if it is none.
static double parse_memory(const char *text) {
    static const char units[] = "kMGTP";
    char *end;
    double bytes = isdigit((unsigned char)*text) ? strtod(text, &end) : 0;
    if (!(bytes > 0) || !isfinite(bytes)) return 0;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        double step = end[1] == 'i' ? 1024 : 1000;
        for (const char *u = units; u <= unit; u++) bytes *= step;
        end += step == 1024 ? 2 : 1;
    }
    if (*end == 'B') end++;
    return *end ? 0 : bytes;
}

static int check_choice(const argument *a, const char *text) {
    char all[256] = "";
    for (const char *const *choice = a->choices; *choice; choice++) {
        if (strcmp(text, *choice) == 0) return EXIT_FINE;
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", used ? " or " : "", *choice);
    }
    return complain(EXIT_USAGE, "--%s must be %s, not `%s`", a->name, all, text);
}

static int check_value(const argument *a, const char *text) {
    if (a->choices) return check_choice(a, text);
    if (a->type == ARGUMENT_TEXT && *text == 0 && !a->may_be_empty)
        return complain(EXIT_USAGE, "--%s is empty", a->name);
    if (a->type == ARGUMENT_MEMORY && parse_memory(text) == 0)
        return complain(EXIT_USAGE, "--%s must be a size, as 500M, 8G or 7.5GiB, not `%s`", a->name, text);
    if (a->type == ARGUMENT_MEMORY || a->type == ARGUMENT_FLAG || a->type == ARGUMENT_TEXT ||
        a->type == ARGUMENT_REPEATED)
        return EXIT_FINE;
    double value;
    char range[64];
    if (!parse_number(a->type, text, &value))
        return complain(EXIT_USAGE, "--%s must be a%s number, not `%s`", a->name,
            is_whole_number(a->type) ? " whole" : "", text);
    double high = a->type == ARGUMENT_INT && isinf(a->high) ? INT32_MAX : a->high;
    if (isfinite(value) && (a->low == a->high || (value >= a->low && value <= high))) return EXIT_FINE;
    argument_range(a, range, sizeof range);
    return complain(EXIT_USAGE, "--%s must be %s, not %.80s", a->name, *range ? range : "smaller", text);
}

static int check_required(const parsed_arguments *p) {
    const command *c = p->command;
    for (int g = 0; g < ARGUMENT_GROUPS && c->groups[g].arguments; g++)
        for (int i = 0; i < c->groups[g].count; i++) {
            const argument *a = &c->groups[g].arguments[i];
            if (a->required && !p->given[g][i])
                return complain(
                    EXIT_USAGE, "%s needs --%s %s (%s)", c->name, a->name, a->placeholder, a->help);
        }
    return EXIT_FINE;
}

// Keeps the value of the option at `place`: `text`, or if that is NULL and it takes one, the next word. Sets *at to the last word
// read.
static int take_value(
    parsed_arguments *p, argument_place place, const char *text, int argc, char **argv, int *at) {
    const argument *a = &p->command->groups[place.group].arguments[place.index];
    if (a->type == ARGUMENT_FLAG) {
        if (text) return complain(EXIT_USAGE, "--%s takes no value, but got `%s`", a->name, text);
        text = "";
    } else if (!text) {
        if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
            return complain(EXIT_USAGE, "--%s needs a value: --%s %s", a->name, a->name, a->placeholder);
        text = argv[++*at];
    }
    int wrong = check_value(a, text);
    if (wrong) return wrong;
    p->given[place.group][place.index] = text;
    if (a->type == ARGUMENT_REPEATED) {
        if (p->repeated.count == (int)(sizeof p->repeated.items / sizeof p->repeated.items[0]))
            return complain(EXIT_USAGE, "--%s is given more than %d times", a->name, p->repeated.count);
        p->repeated.items[p->repeated.count++] = text;
    }
    return EXIT_FINE;
}

// Reads the option argv[*at] and its value, if it takes one; sets *at to the last word read.
static int parse_option(parsed_arguments *p, int argc, char **argv, int *at) {
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    argument_place place = argument_find(p->command, name, length);
    if (place.group < 0) return unknown_option(p->command, name, length);
    return take_value(p, place, name[length] == '=' ? name + length + 1 : NULL, argc, argv, at);
}

// The same for an option of one letter.
static int parse_letter(parsed_arguments *p, int argc, char **argv, int *at) {
    argument_place place = argument_lettered(p->command, argv[*at]);
    if (place.group < 0)
        return complain(EXIT_USAGE,
            "options begin with two dashes, `%s` does not; `sigmoe %s --help` lists them", argv[*at],
            p->command->name);
    return take_value(p, place, NULL, argc, argv, at);
}

int arguments_parse(const command *c, int argc, char **argv, parsed_arguments *out) {
    *out = (parsed_arguments){.command = c, .positionals = argv};
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        if (!options_ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            out->help = true;
            return EXIT_FINE;
        }
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
        } else if (!options_ended && strncmp(argv[i], "--", 2) == 0) {
            int wrong = parse_option(out, argc, argv, &i);
            if (wrong) return wrong;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1]) {
            int wrong = parse_letter(out, argc, argv, &i);
            if (wrong) return wrong;
        } else if (out->positional_count == c->positionals) {
            return complain(EXIT_USAGE, "%s does not know what to do with `%s`; see `sigmoe %s --help`",
                c->name, argv[i], c->name);
        } else {
            argv[out->positional_count++] = argv[i]; // words move to the front, after those already read
        }
    }
    return check_required(out);
}

static void store(const argument *a, const char *text, const text_list *repeated, void *value) {
    switch (a->type) {
    case ARGUMENT_FLAG:
        *(bool *)value = true;
        break;
    case ARGUMENT_TEXT:
        *(const char **)value = text;
        break;
    case ARGUMENT_CHOICE: {
        int index = 0;
        while (strcmp(a->choices[index], text) != 0) index++; // check_choice has verified it
        *(int *)value = index;
        break;
    }
    case ARGUMENT_INT:
        *(int *)value = (int)strtol(text, NULL, 10);
        break;
    case ARGUMENT_INTEGER:
        *(int64_t *)value = strtoll(text, NULL, 10);
        break;
    case ARGUMENT_SEED:
        *(uint64_t *)value = strtoull(text, NULL, 10);
        break;
    case ARGUMENT_NUMBER:
        *(double *)value = strtod(text, NULL);
        break;
    case ARGUMENT_REPEATED:
        *(text_list *)value = *repeated;
        break;
    case ARGUMENT_MEMORY:
        sigmoe_limit_memory(parse_memory(text));
        break;
    }
}

void arguments_fill(const parsed_arguments *p, void *values) {
    for (int g = 0; g < ARGUMENT_GROUPS && p->command->groups[g].arguments; g++) {
        const argument_group *group = &p->command->groups[g];
        for (int i = 0; i < group->count; i++) {
            const argument *a = &group->arguments[i];
            if (p->given[g][i])
                store(a, p->given[g][i], &p->repeated, (char *)values + group->base + a->offset);
        }
    }
}

const argument *argument_at(const command *c, int index, size_t *offset) {
    for (int g = 0; g < ARGUMENT_GROUPS && c->groups[g].arguments; g++) {
        const argument_group *group = &c->groups[g];
        if (index >= group->count) {
            index -= group->count;
            continue;
        }
        if (offset) *offset = group->base + group->arguments[index].offset;
        return &group->arguments[index];
    }
    return NULL;
}

bool arguments_given(const parsed_arguments *p, const char *name) {
    argument_place place = argument_find(p->command, name, strlen(name));
    return place.group >= 0 && p->given[place.group][place.index];
}
