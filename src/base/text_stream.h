// A text that is printed into memory.
#pragma once

#include "base/status.h"

#include <stdio.h>

// Stays where it is between open and close.
typedef struct text_stream {
    FILE *out;  // to print to
    char *text; // once closed: the caller's to free, with a 0 behind it
    size_t size;
} text_stream;

sigmoe_status text_stream_open(text_stream *s);
// Where memory did not do, text is NULL.
sigmoe_status text_stream_close(text_stream *s);
