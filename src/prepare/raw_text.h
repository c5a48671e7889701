// A corpus before tokenization: parts that follow each other and are read as one text, as often as needed, so that
// nothing has to fit into memory.
#pragma once

#include "base/progress.h"
#include "data/dataset_meta.h"
#include "prepare/archive/byte_source.h"

typedef struct raw_text {
    const char *name;   // for messages: "enwik8"
    const char *source; // for meta.json: where it came from
    int parts;
    sigmoe_status (*open)(const void *context, int part, arena *a, byte_source *out);
    const void *context;
    int64_t bytes;      // what it must have; 0: any number
    const char *sha256; // what it must have; NULL: any
    // Cuts between splits: exactly at 90 and 95 % of the bytes, or else moved on to where a UTF-8 character begins.
    bool exact_cuts;
} raw_text;

enum { RAW_BLOCK = 1 << 16 };

typedef sigmoe_status raw_block_consumer(void *context, const unsigned char *bytes, size_t count);

// The whole text in order, in blocks of at most RAW_BLOCK bytes. The meter counts them.
sigmoe_status raw_text_read(
    const raw_text *text, arena *a, progress_meter *meter, raw_block_consumer *consume, void *context);

// A first reading: what is there.
typedef struct raw_survey {
    int64_t bytes;
    bool occurs[256];
    struct sha256_ctx hash;
} raw_survey;

// Fails where the text is not what it must be, or empty.
sigmoe_status raw_text_survey(const raw_text *text, const sigmoe_observer *observer, raw_survey *out);

// Where the splits of a text of `bytes` bytes nominally begin; starts[SPLITS] is the end.
void raw_text_starts(int64_t bytes, int64_t starts[SPLITS + 1]);
// Whether a split begins with `byte`, which lies `behind` bytes behind its nominal start: at once, or at the next byte that
// begins a character. Bytes that are no UTF-8 must not move it far.
bool raw_text_begins_split(const raw_text *text, int64_t behind, unsigned char byte);
// The text changed between two readings.
sigmoe_status raw_text_changed(const raw_text *text);
// One of its splits would be empty.
sigmoe_status raw_text_too_short(const raw_text *text, int64_t bytes);
// One split of a text that had `bytes` bytes when it was surveyed, as a stream.
sigmoe_status raw_text_open_split(const raw_text *text, int64_t bytes, int split, arena *a, byte_source *out);
