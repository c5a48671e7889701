#include "prepare/json_text.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

typedef struct scanner {
    const unsigned char *at, *end;
    unsigned char *levels; // one bit per open array (0) or object (1)
    const char *problem;
} scanner;

typedef struct span {
    const char *bytes;
    size_t size;
} span;

static bool wrong(scanner *s, const char *problem) {
    s->problem = s->at == s->end ? "the line ends before its value does" : problem;
    return false;
}

// -1: the line has ended.
static int peek(const scanner *s) {
    return s->at < s->end ? *s->at : -1;
}

static int peek_behind_space(scanner *s) {
    for (;; s->at++) {
        int c = peek(s);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
    }
}

// ---------------------------------------------------------------- strings

static int hex_digit(int c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

// Whether all eight bytes are plain; may return false even if they are.
static bool are_plain(const unsigned char *at) {
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t v;
    memcpy(&v, at, sizeof v);
    uint64_t quote = v ^ (ones * '"'), backslash = v ^ (ones * '\\');
    // A byte below n borrows from its top bit when n is subtracted.
    return ((v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops) == 0;
}

static void skip_plain(scanner *s) {
    while (s->end - s->at >= 8 && are_plain(s->at)) s->at += 8;
    while (s->at < s->end && is_plain(*s->at)) s->at++;
}

static bool skip_escape(scanner *s) {
    s->at++;
    int c = peek(s);
    if (c <= 0 || !strchr("\"\\/bfnrtu", c)) return wrong(s, "an unknown escape in a string");
    s->at++;
    for (int i = 0; c == 'u' && i < 4; i++, s->at++)
        if (hex_digit(peek(s)) < 0) return wrong(s, "\\u without four hexadecimal digits behind it");
    return true;
}

// Skips a multi-byte character.
static bool skip_character(scanner *s) {
    static const char problem[] = "a byte that is no UTF-8";
    utf8_lead lead = utf8_lead_of(*s->at);
    if (lead.more == 0) return wrong(s, problem);
    s->at++;
    for (; lead.more > 0; lead.more--, s->at++) {
        int c = peek(s);
        if (c < lead.low || c > lead.high) return wrong(s, problem);
        lead.low = 0x80;
        lead.high = 0xbf;
    }
    return true;
}

// Skips from the opening quote to just after the closing one.
static bool skip_string(scanner *s, span *inside) {
    const unsigned char *begin = ++s->at;
    for (;;) {
        skip_plain(s);
        int c = peek(s);
        if (c == '"') break;
        if (c < 0x20) return wrong(s, "a control character in a string, where it must be escaped");
        if (!(c == '\\' ? skip_escape(s) : skip_character(s))) return false;
    }
    *inside = (span){(const char *)begin, (size_t)(s->at - begin)};
    s->at++;
    return true;
}

// ---------------------------------------------------------------- values

static bool skip_word(scanner *s, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
        return wrong(s, "something that is no value");
    s->at += size;
    return true;
}

static bool skip_digits(scanner *s) {
    const unsigned char *begin = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
    return s->at > begin || wrong(s, "a number without a digit where one must be");
}

static bool skip_number(scanner *s) {
    if (peek(s) == '-') s->at++;
    if (peek(s) == 'I') return skip_word(s, "Infinity");
    if (peek(s) == '0')
        s->at++; // must not be followed by a digit
    else if (!skip_digits(s))
        return false;
    if (peek(s) == '.') {
        s->at++;
        if (!skip_digits(s)) return false;
    }
    if (peek(s) != 'e' && peek(s) != 'E') return true;
    s->at++;
    if (peek(s) == '+' || peek(s) == '-') s->at++;
    return skip_digits(s);
}

static bool skip_scalar(scanner *s) {
    span inside;
    int c = peek(s);
    switch (c) {
    case '"':
        return skip_string(s, &inside);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    case 'N':
        return skip_word(s, "NaN");
    case 'I':
        return skip_word(s, "Infinity");
    }
    if (c == '-' || (c >= '0' && c <= '9')) return skip_number(s);
    return wrong(s, "something that is no value");
}

static bool skip_key(scanner *s, span *key) {
    if (peek_behind_space(s) != '"') return wrong(s, "no name in quotes where one must be");
    if (!skip_string(s, key)) return false;
    if (peek_behind_space(s) != ':') return wrong(s, "no colon behind a name");
    s->at++;
    return true;
}

static void set_level(scanner *s, size_t level, bool is_object) {
    unsigned char bit = (unsigned char)(1 << (level % 8));
    s->levels[level / 8] =
        (unsigned char)(is_object ? s->levels[level / 8] | bit : s->levels[level / 8] & ~bit);
}

static bool is_object(const scanner *s, size_t level) {
    return (s->levels[level / 8] >> (level % 8)) & 1;
}

// Moves from the end of a value (or, if `opened`, from just after a bracket) to the next value in the open arrays and objects,
// closing those that end on the way. *depth 0: everything is closed.
static bool go_on(scanner *s, bool opened, size_t *depth) {
    for (; *depth > 0; opened = false) {
        bool object = is_object(s, *depth - 1);
        int c = peek_behind_space(s);
        if (c == (object ? '}' : ']')) {
            s->at++;
            --*depth;
            continue;
        }
        if (!opened && c != ',')
            return wrong(s, object ? "no comma or } behind a value" : "no comma or ] behind a value");
        if (!opened) s->at++;
        span key;
        return !object || skip_key(s, &key);
    }
    return true;
}

// Skips any value. Not recursive: each level costs one bit, no stack.
static bool skip_value(scanner *s) {
    size_t depth = 0;
    do {
        int c = peek_behind_space(s);
        bool opens = c == '{' || c == '[';
        if (opens) {
            set_level(s, depth++, c == '{');
            s->at++;
        } else if (!skip_scalar(s)) {
            return false;
        }
        if (!go_on(s, opens, &depth)) return false;
    } while (depth > 0);
    return true;
}

// ---------------------------------------------------------------- the object

static bool is_text(const span *key) {
    enum { LONGEST = 4 * 6 }; // each letter written as \u0074
    char name[LONGEST];
    if (key->size > LONGEST) return false;
    const json_text escaped = {.escaped = key->bytes, .size = key->size};
    return json_text_decode(&escaped, name) == 4 && memcmp(name, "text", 4) == 0;
}

static bool take_text(scanner *s, json_text_kind *kind, json_text *out) {
    span inside;
    int begin = peek_behind_space(s);
    *kind = begin == 'n' ? JSON_TEXT_NULL : JSON_TEXT_NO_STRING;
    if (begin != '"') return skip_value(s);
    if (!skip_string(s, &inside)) return false;
    *kind = JSON_TEXT_FOUND;
    out->escaped = inside.bytes;
    out->size = inside.size;
    return true;
}

static bool scan_object(scanner *s, json_text_kind *kind, json_text *out) {
    s->at++;
    *kind = JSON_TEXT_MISSING;
    if (peek_behind_space(s) == '}') {
        s->at++;
        return true;
    }
    for (;;) {
        span key;
        if (!skip_key(s, &key)) return false;
        if (!(is_text(&key) ? take_text(s, kind, out) : skip_value(s))) return false;
        int c = peek_behind_space(s);
        if (c != ',' && c != '}') return wrong(s, "no comma or } behind a value");
        s->at++;
        if (c == '}') return true;
    }
}

static bool scan_line(scanner *s, json_text_kind *kind, json_text *out) {
    *kind = JSON_TEXT_NO_OBJECT;
    if (!(peek_behind_space(s) == '{' ? scan_object(s, kind, out) : skip_value(s))) return false;
    return peek_behind_space(s) < 0 || wrong(s, "more behind the value");
}

json_text_kind json_text_find(const char *line, size_t size, unsigned char *levels, json_text *out) {
    const unsigned char *begin = (const unsigned char *)line;
    scanner s = {.at = begin, .end = begin + size, .levels = levels};
    json_text_kind kind;
    *out = (json_text){0};
    if (scan_line(&s, &kind, out)) return kind;
    *out = (json_text){.problem = s.problem, .offset = (size_t)(s.at - begin)};
    return JSON_TEXT_NO_JSON;
}

// ---------------------------------------------------------------- decoding: the scanned text is known to be valid

static char *put_utf8(char *out, uint32_t point) {
    if (point < 0x80) {
        *out++ = (char)point;
        return out;
    }
    int more = 1 + (point >= 0x800) + (point >= 0x10000);
    *out++ = (char)(0xffu << (7 - more) | point >> (6 * more));
    while (more-- > 0) *out++ = (char)(0x80 | (point >> (6 * more) & 0x3f));
    return out;
}

static uint32_t four_digits(const char *at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value = value << 4 | (uint32_t)hex_digit(at[i]);
    return value;
}

static bool is_low_surrogate(uint32_t point) {
    return point >= 0xdc00 && point <= 0xdfff;
}

// Decodes the \u escape with its digits at `at`, both halves if it is a surrogate pair; returns the position after it.
static const char *decode_point(const char *at, const char *end, char **out) {
    uint32_t point = four_digits(at);
    at += 4;
    if (point >= 0xd800 && point <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
        is_low_surrogate(four_digits(at + 2))) {
        point = 0x10000 + ((point - 0xd800) << 10 | (four_digits(at + 2) - 0xdc00));
        at += 6;
    }
    bool lone = point >= 0xd800 && point <= 0xdfff;
    *out = put_utf8(*out, lone ? 0xfffd : point);
    return at;
}

static char unescape(char c) {
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    }
    return c;
}

size_t json_text_decode(const json_text *t, char *out) {
    const char *at = t->escaped, *end = at + t->size;
    char *begin = out;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);
        memcpy(out, at, plain);
        out += plain;
        if (!escape) break;
        at = escape + 2;
        if (escape[1] == 'u')
            at = decode_point(at, end, &out);
        else
            *out++ = unescape(escape[1]);
    }
    return (size_t)(out - begin);
}
