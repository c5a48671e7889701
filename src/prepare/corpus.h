// The corpora that `prepare` supports; each is one file and one line in corpora.inc.
#pragma once

#include "prepare/inputs.h"
#include "prepare/raw_text.h"
#include "prepare/split_text.h"

typedef enum split_way {
    SPLIT_USUAL,
    SPLIT_SHUFFLE_FILES, // each file goes whole into one split
    SPLIT_SEQUENTIAL,    // at 90 and 95 % of the bytes, in the order of the files
} split_way;

typedef struct corpus_request {
    const corpus_input *inputs;
    int input_count;
    // What was given, of which an input may be a part, and what was not taken in directories; for text.
    const char *const *given;
    int given_count;
    const int64_t *skipped; // [SKIP_REASONS]
    split_way split;
    bool raw;              // for text: use the files' raw bytes, whatever they are
    bool skip_bad_lines;   // for JSON: count them instead of failing
    const char *directory; // exists; takes the shards and meta.json, and vanishes if preparing fails
    const char *download;  // path prefix of downloads, outside `directory`, that a later try may resume
    tokenizer_type tokenizer;
    int64_t vocab_size;                 // of a tokenizer that is trained; 0: the usual
    int64_t train_shards, valid_shards; // how many of them are taken; 0: all
    bool offline;                       // nothing is fetched
    json_t *sources;                    // for meta.json: an array, see corpus_record
    const sigmoe_observer *observer;
} corpus_request;

typedef struct corpus {
    const char *name;
    const char *help;         // what it takes, in one line
    bool sharded;             // understands train_shards and valid_shards
    tokenizer_type tokenizer; // the usual one
    bool tokenizer_fixed;     // the only one
    sigmoe_status (*prepare)(const corpus_request *request);
} corpus;

#define CORPUS(name, function, sharded, tokenizer, fixed, help)                                              \
    sigmoe_status function(const corpus_request *request);
#include "prepare/corpora.inc"
#undef CORPUS

// A file that a corpus fetches.
typedef struct corpus_file {
    const char *const *urls; // that have it
    int url_count;
    const char *task;   // for progress
    const char *sha256; // NULL: any
    int64_t most_bytes; // that it may have
} corpus_file;

// Fetches a file, or finds it where an earlier try left it, and records it. `path`: where it is.
sigmoe_status corpus_fetch(const corpus_request *request, const corpus_file *file, char path[PATH_CAPACITY]);
// Adds a file to the request's sources: its name, size and SHA-256, by which the same text can be had again.
sigmoe_status corpus_record(const corpus_request *request, const char *name, const char *path);

// The SHA-256 of enwik8. Tests set that of another text.
extern const char *corpus_enwik8_sha256;
// Where the package dict-gcide installs its text. Tests set another path, so as not to depend on the machine.
extern const char *corpus_gcide_installed;

int corpus_count(void);
const corpus *corpus_at(int index);
