// Event files of TensorBoard: records as of TFRecord, each with its length and checksums, that hold protocol buffers (Event).
#pragma once

#include "system/path.h"

#include <stdint.h>
#include <stdio.h>

// Bytes that grow. A failure to get memory is kept until the record is written.
typedef struct event_bytes {
    unsigned char *bytes;
    size_t size, room;
    bool failed;
} event_bytes;

typedef struct event_file {
    FILE *stream; // NULL: none is open
    char path[PATH_CAPACITY];
    int64_t step;                      // of the event that was begun
    event_bytes event, summary, value; // being made, from the outside in
} event_file;

// Begins a new file in `directory`, with a name that sorts behind those of earlier files. Its first events make readers forget
// what earlier files say of `first_step` and later steps.
sigmoe_status event_file_open(event_file *f, const char *directory, int64_t first_step);
void event_file_close(event_file *f); // harmless on a zeroed one

// An event with values of one step: begin, any number of values, end, which writes it.
void event_begin(event_file *f, int64_t step);
void event_scalar(event_file *f, const char *tag, double value);
// Bars [count] of which bar i stands from i - 1/2 to i + 1/2 and is buckets[i] high.
void event_histogram(event_file *f, const char *tag, const double *buckets, int64_t count);
sigmoe_status event_end(event_file *f);
