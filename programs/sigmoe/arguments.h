// Commands and their options as data. One table defines what a command accepts; the parser, the defaults, --help, the manual
// pages and the completion of shells all use it, so that they always agree.
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
    ARGUMENT_MEMORY,   // bytes that the process may take: sigmoe_limit_memory is told, and nothing stored
} argument_type;

typedef struct text_list {
    const char *items[128];
    int count;
} text_list;

// A line of a list in the help: a variant, a file, an example, and what it is.
typedef struct help_entry {
    const char *name, *text;
} help_entry;

// What a text can be, for completion.
typedef struct known_values {
    const char *name; // of one of them: "preset"
    // The known ones, false past the end; the first word of the name is the value. NULL: none is known.
    bool (*at)(int index, help_entry *entry);
    bool paths;         // or a file
    bool directories;   // or a directory
    const char *suffix; // typed behind one: "=" of a key; or NULL
    bool list;          // several, separated by commas
} known_values;

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
    // What texts without `choices` can be; NULL: a path, of a directory if the placeholder is DIR or RUN.
    const known_values *values;
    char letter;       // -p for --prompt; 0: none
    bool may_be_empty; // of a text
} argument;

// Arguments whose offsets are relative to the same struct, at `base` in the command's values.
typedef struct argument_group {
    const argument *arguments;
    int count;
    size_t base;
} argument_group;

enum { ARGUMENT_GROUPS = 5, ARGUMENTS_IN_GROUP = 32 };
// Of a group's list. More than a group can have are an error when this is compiled.
#define ARGUMENT_COUNT(list)                                                                                 \
    ((int)(sizeof(list) / sizeof *(list) + 0 * sizeof(struct {                                               \
        _Static_assert(sizeof(list) / sizeof *(list) <= ARGUMENTS_IN_GROUP, "raise ARGUMENTS_IN_GROUP");     \
        int none;                                                                                            \
    })))

struct parsed_arguments;

typedef struct command {
    const char *name;    // "train"; two words for members of a family: "bench layer"
    const char *summary; // one line for the overview
    const char *usage;   // precedes the required options in the usage line: positionals, alternatives; or ""
    const char *details; // paragraphs, separated by empty lines; or NULL
    const char *list_title;                 // of `list`: "Variants; options follow with colons"
    const known_values *list;               // what the help explains one by one; or NULL
    const help_entry *files;                // what it makes; ends with an entry without a name; or NULL
    const help_entry *examples;             // commands without "sigmoe "; as above
    bool leaves_files;                      // its result is in files, and it prints only a summary
    argument_group groups[ARGUMENT_GROUPS]; // ends with a group without arguments
    int positionals;                        // maximum number of words
    const known_values *words[2];           // what the first of them can be, and the others
    size_t values_size;
    void (*defaults)(void *values);
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
// The options of all groups, counted from 0; NULL past the end. *offset, unless NULL, is that of the value in the command's
// values.
const argument *argument_at(const command *c, int index, size_t *offset);
// "1..64", "at least 1", or "" for any. Returns `buffer`.
const char *argument_range(const argument *a, char *buffer, size_t size);
