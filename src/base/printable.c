#include "base/printable.h"

#include "base/utf8.h"
#include "sigmoe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------- characters

// The length of the valid UTF-8 sequence at `at`, and its code point; 0 if there is none.
static size_t read_utf8(const unsigned char *at, size_t left, uint32_t *point) {
    utf8_lead lead = utf8_lead_of(at[0]);
    size_t length = 1 + (size_t)lead.more;
    *point = at[0];
    if (at[0] < 0x80) return 1;
    if (lead.more == 0 || length > left || at[1] < lead.low || at[1] > lead.high) return 0;
    *point &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *point = *point << 6 | (at[i] & 0x3fu);
    }
    return length;
}

// Characters that are invisible or affect their surroundings.
static bool is_hidden(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (point >= hidden[i].first && point <= hidden[i].last) return true;
    return false;
}

printable printable_at(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    uint32_t point;
    size_t length = read_utf8(at, left, &point);
    printable p = {.taken = length ? length : 1, .size = length};
    if (length == 0 || (is_hidden(point) && point < 0x80))
        p.size = (size_t)snprintf(p.bytes, sizeof p.bytes, "\\x%02x", at[0]);
    else if (is_hidden(point))
        p.size = (size_t)snprintf(p.bytes, sizeof p.bytes, "\\u{%x}", (unsigned)point);
    else
        memcpy(p.bytes, at, length);
    return p;
}

// ---------------------------------------------------------------- sentences

// Of a word that is longer, only the two ends are shown: the name of a file is the last part of its path.
enum { LONGEST_WORD = 200, WORD_HEAD = 120, WORD_TAIL = 60 };
static const char left_out[] = "...";

typedef struct line {
    char *text;
    size_t used, size;
} line;

// Whole, or not at all; after that the line takes nothing more.
static void add(line *l, const char *bytes, size_t size) {
    if (size < l->size - l->used)
        memcpy(l->text + l->used, bytes, size), l->used += size;
    else
        l->size = l->used + 1;
}

static size_t shown_size(const char *word, const char *end) {
    size_t size = 0;
    for (printable p; word < end; word += p.taken) {
        p = printable_at(word, (size_t)(end - word));
        size += p.size;
    }
    return size;
}

static void put_word(line *l, const char *word, const char *end) {
    size_t all = shown_size(word, end), at = 0;
    bool cut = all > LONGEST_WORD, marked = false;
    for (printable p; word < end; word += p.taken, at += p.size) {
        p = printable_at(word, (size_t)(end - word));
        if (!cut || at + p.size <= WORD_HEAD || all - at <= WORD_TAIL) {
            add(l, p.bytes, p.size);
        } else if (!marked) {
            add(l, left_out, sizeof left_out - 1);
            marked = true;
        }
    }
}

void sigmoe_printable(const char *text, char *out, size_t size) {
    line l = {.text = out, .size = size};
    while (*text) {
        const char *end = text + strcspn(text, " ");
        put_word(&l, text, end);
        if (*end) add(&l, end++, 1);
        text = end;
    }
    out[l.used] = '\0';
}
