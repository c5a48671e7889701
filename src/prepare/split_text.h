// A corpus with given splits, as byte streams that are read as often as needed, and the sentences in them: the units that a
// SentencePiece model learns from and encodes.
#pragma once

#include "data/dataset_meta.h"
#include "prepare/archive/byte_source.h"

typedef enum sentence_format {
    SENTENCE_LINES, // plain text: each line; the raw text is the bytes as they are
    SENTENCE_DOCUMENTS, // one JSON object per line: its field `text`, followed by <STORY_SEP> unless it is empty; the
                        // raw text is their concatenation
} sentence_format;

typedef struct split_text {
    const char *name;   // for messages
    const char *source; // for meta.json, as the next two
    const char *split_by;
    const int *files; // [SPLITS], of each split; NULL: they are not counted
    sentence_format format;
    int parts[SPLITS];
    // The tokenizer learns from at most this many parts of train, and from sentences of about this many bytes in total: if
    // there are more, from a sample.
    int training_parts;
    int64_t training_bytes;
    bool skip_bad_lines; // of documents, those that are no JSON with a text
    sigmoe_status (*open)(const void *context, int split, int part, arena *a, byte_source *out);
    const char *(*part_name)(const void *context, int split, int part); // for messages
    const void *context;
} split_text;

enum {
    SENTENCE_BYTES = 1 << 14,  // the longest piece encoded at once, if it has white space
    WORD_BYTES = 16 << 20,     // the longest run without white space
    DOCUMENT_BYTES = 16 << 20, // the longest line of JSON
};

typedef struct sentence {
    const char *bytes; // without the newline; valid until the next call; NULL: the end
    size_t size;       // at most SENTENCE_BYTES, unless its only white space is at its start
    bool cut;          // part of a longer line or document, cut before white space, which changes no token
    bool continues;    // continues the previous sentence, which was cut
} sentence;

// Lines that were skipped.
typedef struct bad_lines {
    int64_t count;
    char first[512]; // location and problem of the first one
} bad_lines;

typedef struct sentence_reader sentence_reader;

// The sentences of the split's first `parts` parts.
sigmoe_status sentence_reader_open(const split_text *text, int split, int parts, sentence_reader **out);
sigmoe_status sentence_reader_next(sentence_reader *r, sentence *out);
// Measures the raw text returned so far; borrowed.
const raw_measure *sentence_reader_measure(const sentence_reader *r);
const bad_lines *sentence_reader_bad_lines(const sentence_reader *r); // so far; borrowed
void sentence_reader_close(sentence_reader *r);                       // NULL is allowed
