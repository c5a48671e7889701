// The text that is made of a model's tokens: whole characters alone, and nothing from a stop string on.
#pragma once

#include "base/text_stream.h"

#include <stdbool.h>
#include <stdint.h>

// Receives text as soon as it is certain.
typedef struct text_receiver {
    void (*text)(void *context, int64_t prompt, const char *text, size_t size); // NULL: nobody waits for it
    void *context;
    int64_t prompt;
} text_receiver;

typedef struct text_output {
    text_receiver receiver;
    const char *const *stops;
    int stop_count;
    text_stream all; // what was released
    char *held;      // bytes that may be the beginning of a stop string
    size_t held_size;
    char character[4]; // the beginning of one, whose other bytes are still to come
    int character_size;
    bool stopped;
} text_output;

// The bytes that may have to be held back, with stop strings and tokens of such sizes.
size_t text_output_room(const char *const *stops, int stop_count, size_t longest_token);
// `stops`, none of them empty, and `held`, with that much room, are borrowed.
sigmoe_status text_output_open(
    text_output *o, const text_receiver *receiver, const char *const *stops, int stop_count, char *held);
// Bytes of the prompt: no stop string is looked for in them.
void text_output_prompt(text_output *o, const char *bytes, size_t size);
// A token's bytes. Once a stop string is complete, `stopped` is set and nothing more is released.
void text_output_token(text_output *o, const char *bytes, size_t size);
// Releases what is left, and hands over the text, which the caller frees with free().
sigmoe_status text_output_close(text_output *o, char **text, size_t *size);
void text_output_abandon(text_output *o); // instead; harmless on a zeroed one
