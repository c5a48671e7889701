// Command-line options as data. One table defines what a command accepts; the parser, the defaults and --help all use it, so
// the help text always matches the parser.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum argument_type {
    ARGUMENT_FLAG,     // bool
    ARGUMENT_TEXT,     // const char *, borrowed from argv
    ARGUMENT_INT,      // int
    ARGUMENT_INTEGER,  // int64_t
    ARGUMENT_SEED,     // uint64_t, any value
    ARGUMENT_NUMBER,   // double
    ARGUMENT_CHOICE,   // an enum (int): the index of one of `choices`
    ARGUMENT_REPEATED, // text_list: may be given repeatedly
} argument_type;

typedef struct text_list {
    const char *items[128];
    int count;
} text_list;

typedef struct argument {
    const char *name; // without the dashes
    argument_type type;
    size_t offset;           // of the value in the group's struct
    const char *placeholder; // "N", "DIR"; NULL for flags
    bool required;
    double low, high; // inclusive range of integers and numbers; low == high: any
    const char *const
        *choices;       // NULL-terminated, for choices, and texts that must be one of these; else NULL
    const char *preset; // the default in words; NULL: the value from the command's defaults
    const char *help;
} argument;

// Arguments whose offsets are relative to the same struct, at `base` in the command's values.
typedef struct argument_group {
    const argument *arguments;
    int count;
    size_t base;
} argument_group;

enum { ARGUMENT_GROUPS = 4, ARGUMENTS_IN_GROUP = 24 };

struct parsed_arguments;

typedef struct command {
    const char *name;    // "train"; two words for members of a family: "bench layer"
    const char *summary; // one line for the overview
    const char *usage;   // precedes the required options in the usage line: positionals, alternatives; or ""
    const char *details; // paragraphs after the options, or NULL
    bool leaves_files;   // its result is in files, and it prints only a summary
    argument_group groups[ARGUMENT_GROUPS]; // ends with a group without arguments
    int positionals;                        // maximum number of words
    size_t values_size;
    void (*defaults)(void *values);
    void (*more_help)(void); // prints what only the library knows (variants, keys), or NULL
    int (*run)(const struct parsed_arguments *arguments, void *values); // returns the exit status
} command;

// The given arguments, checked for type and range. Texts are borrowed from argv.
typedef struct parsed_arguments {
    const command *command;
    const char *given[ARGUMENT_GROUPS][ARGUMENTS_IN_GROUP]; // NULL: not given
    text_list repeated;                                     // values of the (only) ARGUMENT_REPEATED
    char **positionals;
    int positional_count;
    bool help;
} parsed_arguments;

// Reads argv (the words after the command's name). Returns 0, or prints an error and returns the exit status 2.
int arguments_parse(const command *c, int argc, char **argv, parsed_arguments *out);
// Overwrites members of `values` that were given; the rest is unchanged. May be called again after defaults that depend on
// arguments.
void arguments_fill(const parsed_arguments *arguments, void *values);
bool arguments_given(const parsed_arguments *arguments, const char *name);
void arguments_help(const command *c);
