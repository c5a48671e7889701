// The directories that the program makes, and how it recognizes them. --force replaces only these, and only if nothing is in
// them that the program does not write.
//
// Each has a file MARK_NAME, "sigmoe <kind>", written before anything else, so that even one just begun is recognized. Version
// 0.1.0 wrote no mark: its directories are recognized by a file that each kind has.
#pragma once

#include "system/directory.h"

typedef enum output_kind {
    OUTPUT_DATA,
    OUTPUT_MODEL,
    OUTPUT_RUN,
    OUTPUT_COMPARISON, // or a sweep
    OUTPUT_ANALYSIS,
    OUTPUT_FIGURES,
    OUTPUT_SHARDS, // tokens for other programs
    OUTPUT_KINDS
} output_kind;

// Names that every kind may have; names beginning with MARK_NAME are reserved.
#define LOCK_NAME ".lock"                            // locked by the process using the directory
#define TAKEN_NAME ".taken"                          // of which processes lock what part of the work they do
#define REPLACED_NAME MARK_NAME "-replaced"          // holds what was there before, until the new is whole
#define REPLACING_NAME MARK_NAME "-replaced.partial" // likewise, still incomplete
#define REMOVED_NAME MARK_NAME "-removed"            // old contents being removed
#define ASIDE_NAME MARK_NAME "-partial"              // holds the new, until it is whole
#define DRAWING_NAME MARK_NAME "-drawing"            // where gnuplot draws

// Writes the mark, replacing an old one.
sigmoe_status output_mark(const char *directory, output_kind kind);
output_kind output_marked_in(int directory); // of one that is held; OUTPUT_KINDS: it has no mark
// Whether the program writes something of this name at the top level of a directory of this kind.
bool output_owns(output_kind kind, const char *name);
// Whether it is the name of such a file under which a file_writer writes it, before it is whole; of the mark, if the kind is
// OUTPUT_KINDS.
bool output_half_written(output_kind kind, const char *name);
// Whether the name is one of those that stay when the contents of a directory are replaced.
bool output_name_stays(const char *name);
// Whether the directory has no results: nothing but a file system's lost+found and what a run leaves before its first results.
sigmoe_status output_is_bare(const char *path, bool *bare);
// Whether a killed process left the directory half replaced; place_lock undoes that.
bool output_unsettled(const char *path);
// Checks that `path` can become an output: it does not exist, or is a bare directory, or, with force, is one that the program
// made and that does not contain the working directory. Otherwise the message says what is there and what to do.
sigmoe_status output_check(const char *path, bool force);
// Fails where `input`, which may be NULL or not there, is the directory `out` or lies in it: replacing that must not remove
// what is read. The words of the sentence: what the input is, as "the data", and what to choose another of, as "output".
sigmoe_status output_spares(const char *out, const char *input, const char *what, const char *choice);
