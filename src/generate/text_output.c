#include "generate/text_output.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

size_t text_output_room(const char *const *stops, int stop_count, size_t longest_token) {
    size_t longest = 0;
    for (int i = 0; i < stop_count; i++)
        if (strlen(stops[i]) > longest) longest = strlen(stops[i]);
    return longest + longest_token;
}

sigmoe_status text_output_open(
    text_output *o, const text_receiver *receiver, const char *const *stops, int stop_count, char *held) {
    *o = (text_output){.receiver = *receiver, .stops = stops, .stop_count = stop_count, .held = held};
    return text_stream_open(&o->all);
}

// ---------------------------------------------------------------- whole characters

// What is written at once: characters and the signs for wrong bytes.
typedef struct writing {
    text_output *o;
    char bytes[256];
    size_t size;
} writing;

static void flush(writing *w) {
    text_output *o = w->o;
    if (w->size == 0) return;
    fwrite(w->bytes, 1, w->size, o->all.out);
    if (o->receiver.text) o->receiver.text(o->receiver.context, o->receiver.prompt, w->bytes, w->size);
    w->size = 0;
}

static void put(writing *w, const char *bytes, int size) {
    if (w->size + (size_t)size > sizeof w->bytes) flush(w);
    memcpy(w->bytes + w->size, bytes, (size_t)size);
    w->size += (size_t)size;
}

// U+FFFD for the beginning of a character that does not go on.
static void put_wrong(writing *w) {
    if (w->o->character_size > 0) put(w, "\xef\xbf\xbd", 3);
    w->o->character_size = 0;
}

static bool continues(const text_output *o, uint8_t byte) {
    utf8_lead lead = utf8_lead_of((uint8_t)o->character[0]);
    if (o->character_size == 0) return false;
    return o->character_size == 1 ? byte >= lead.low && byte <= lead.high : byte >= 0x80 && byte <= 0xbf;
}

static void put_byte(writing *w, char c) {
    text_output *o = w->o;
    uint8_t byte = (uint8_t)c;
    if (!continues(o, byte)) put_wrong(w);
    o->character[o->character_size++] = c;
    if (byte >= 0x80 && o->character_size == 1 && utf8_lead_of(byte).more == 0) {
        put_wrong(w);
    } else if (o->character_size == 1 + utf8_lead_of((uint8_t)o->character[0]).more) {
        put(w, o->character, o->character_size);
        o->character_size = 0;
    }
}

static void release(text_output *o, const char *bytes, size_t size) {
    writing w = {.o = o};
    for (size_t i = 0; i < size; i++) put_byte(&w, bytes[i]);
    flush(&w);
}

// ---------------------------------------------------------------- stop strings

// Where the first stop string in the held bytes begins; held_size: there is none.
static size_t first_stop(const text_output *o) {
    for (size_t at = 0; at < o->held_size; at++)
        for (int i = 0; i < o->stop_count; i++) {
            size_t length = strlen(o->stops[i]);
            if (length <= o->held_size - at && memcmp(o->held + at, o->stops[i], length) == 0) return at;
        }
    return o->held_size;
}

// Where a stop string may have begun whose other bytes are still to come; held_size: nowhere.
static size_t possible_stop(const text_output *o) {
    for (size_t at = 0; at < o->held_size; at++)
        for (int i = 0; i < o->stop_count; i++) {
            size_t rest = o->held_size - at;
            if (rest < strlen(o->stops[i]) && memcmp(o->held + at, o->stops[i], rest) == 0) return at;
        }
    return o->held_size;
}

void text_output_prompt(text_output *o, const char *bytes, size_t size) {
    release(o, bytes, size);
}

void text_output_token(text_output *o, const char *bytes, size_t size) {
    if (o->stopped) return;
    memcpy(o->held + o->held_size, bytes, size);
    o->held_size += size;
    size_t certain = first_stop(o);
    o->stopped = certain < o->held_size;
    if (!o->stopped) certain = possible_stop(o);
    release(o, o->held, certain);
    memmove(o->held, o->held + certain, o->held_size - certain);
    o->held_size = o->stopped ? 0 : o->held_size - certain;
}

sigmoe_status text_output_close(text_output *o, char **text, size_t *size) {
    release(o, o->held, o->held_size);
    writing w = {.o = o};
    put_wrong(&w);
    flush(&w);
    sigmoe_status status = text_stream_close(&o->all);
    *text = o->all.text;
    *size = o->all.size;
    o->all = (text_stream){0};
    return status;
}

void text_output_abandon(text_output *o) {
    char *text = NULL;
    size_t size;
    if (!o->all.out) return;
    o->receiver.text = NULL;
    (void)text_output_close(o, &text, &size);
    free(text);
}
