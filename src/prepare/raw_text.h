// A corpus before tokenization: parts that are read in sequence as one text, as often as needed, so that nothing has to fit
// into memory.
#pragma once

#include "base/progress.h"
#include "data/dataset_meta.h"
#include "prepare/archive/byte_source.h"
#include "prepare/split_files.h"

typedef struct raw_text {
    const char *name;   // for messages: "enwik8"
    const char *source; // for meta.json: where it came from
    int parts;
    sigmoe_status (*open)(const void *context, int part, arena *a, byte_source *out);
    const void *context;
    int64_t bytes;      // expected size; 0: any
    const char *sha256; // expected digest; NULL: any
    // Cuts between splits: exactly at 90 and 95 % of the bytes, or else at the next start of a UTF-8 character.
    bool exact_cuts;
    const file_split
        *files; // the splits consist of whole parts, which are in its order; NULL: 90, 5 and 5 % of the bytes
} raw_text;

enum { RAW_BLOCK = 1 << 16 };

typedef sigmoe_status raw_block_consumer(void *context, const unsigned char *bytes, size_t count);

// Reads the whole text in order, in blocks of at most RAW_BLOCK bytes, which the meter counts.
sigmoe_status raw_text_read(
    const raw_text *text, arena *a, progress_meter *meter, raw_block_consumer *consume, void *context);

// Results of a first reading.
typedef struct raw_survey {
    int64_t bytes;
    int64_t *part_bytes; // [parts]
    bool occurs[256];
    struct sha256_ctx hash;
} raw_survey;

// Fails if the text is empty or does not have the expected size or digest. The sizes of the parts live in the arena.
sigmoe_status raw_text_survey(
    const raw_text *text, const sigmoe_observer *observer, arena *a, raw_survey *out);

// The nominal starts of the splits of a text that had `bytes` bytes when it was surveyed; starts[SPLITS] is the end.
void raw_text_starts(const raw_text *text, int64_t bytes, int64_t starts[SPLITS + 1]);
// How it is split, for meta.json.
const char *raw_text_split_by(const raw_text *text);
// Whether a split begins with `byte`, `behind` bytes after its nominal start: there, or at the next byte that begins a
// character. Bytes that are not UTF-8 must not move it far.
bool raw_text_begins_split(const raw_text *text, int64_t behind, unsigned char byte);
// Fails because the text changed between two readings.
sigmoe_status raw_text_changed(const raw_text *text);
// Fails because one of the text's splits would be empty.
sigmoe_status raw_text_too_short(const raw_text *text, int64_t bytes);
// Opens one split, as a stream, of a text that had `bytes` bytes when it was surveyed.
sigmoe_status raw_text_open_split(const raw_text *text, int64_t bytes, int split, arena *a, byte_source *out);
