#include "prepare/split_text.h"

#include "prepare/json_text.h"
#include "prepare/white_space.h"

#include <inttypes.h>
#include <string.h>

static const char separator[] = "<STORY_SEP>";
enum { FIRST_CAPACITY = 1 << 20, READ_BYTES = 1 << 16 };

typedef struct growing {
    char *bytes;
    size_t capacity;
} growing;

struct sentence_reader {
    arena *memory;      // holds this struct, too, and the buffers
    arena *part_memory; // of the part that is open
    const split_text *text;
    int split, parts;
    int part; // the next to open
    byte_source source;
    bool open, part_ended;
    int64_t line; // of the part, from 1

    growing lines;
    size_t begin, scanned, end; // unread bytes in `lines`: from begin to end; no newline before `scanned`
    growing document;
    const char *rest; // of the line or document that is handed out
    size_t rest_size;
    bool rest_whole; // the line ends where `rest` does
    bool continues;  // the next piece continues the previous one
    raw_measure measure;
    bad_lines bad;
};

// ---------------------------------------------------------------- lines of a part

// Makes room for `needed` bytes and keeps the contents.
static sigmoe_status grow(arena *a, growing *g, size_t needed) {
    if (needed <= g->capacity) return SIGMOE_OK;
    size_t capacity = g->capacity ? g->capacity : FIRST_CAPACITY;
    while (capacity < needed) capacity *= 2;
    char *bytes;
    TRY(ARENA_NEW_RAW(a, bytes, capacity));
    if (g->capacity) memcpy(bytes, g->bytes, g->capacity);
    *g = (growing){bytes, capacity};
    return SIGMOE_OK;
}

static sigmoe_status fill(sentence_reader *r) {
    if (r->begin > 0) {
        memmove(r->lines.bytes, r->lines.bytes + r->begin, r->end - r->begin);
        r->scanned -= r->begin;
        r->end -= r->begin;
        r->begin = 0;
    }
    TRY(grow(r->memory, &r->lines, r->end + READ_BYTES));
    size_t count = 0;
    TRY(r->source.read(r->source.context, r->lines.bytes + r->end, READ_BYTES, &count));
    r->end += count;
    r->part_ended = count == 0;
    return SIGMOE_OK;
}

// The size of the next line in the buffer, with its newline; 0: the part has ended. Of a line longer than `limit`, only what
// has been read is returned.
static sigmoe_status next_line(sentence_reader *r, size_t limit, size_t *size) {
    for (;;) {
        const char *newline =
            r->end > r->scanned ? memchr(r->lines.bytes + r->scanned, '\n', r->end - r->scanned) : NULL;
        r->scanned = newline ? (size_t)(newline - r->lines.bytes) + 1 : r->end;
        *size = r->scanned - r->begin;
        if (newline || r->part_ended || *size > limit) return SIGMOE_OK;
        TRY(fill(r));
    }
}

static void consume(sentence_reader *r, size_t size) {
    r->begin += size;
    if (r->scanned < r->begin) r->scanned = r->begin;
}

// ---------------------------------------------------------------- pieces

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The size of the next piece of `bytes`: up to the last white space within SENTENCE_BYTES, or else the first one after that.
// 0: there is none, and more may follow as `whole` is false.
static size_t piece_size(const char *bytes, size_t size, bool whole) {
    if (whole && size <= SENTENCE_BYTES) return size;
    size_t cut = SENTENCE_BYTES;
    while (cut > 0 && !white_space_at(bytes + cut, size - cut)) cut--;
    if (cut > 0) return cut;
    for (cut = SENTENCE_BYTES + 1; cut < size; cut++)
        if (white_space_at(bytes + cut, size - cut)) return cut;
    return whole ? size : 0;
}

static void take_piece(sentence_reader *r, sentence *out) {
    size_t size = piece_size(r->rest, r->rest_size, true);
    bool more = size < r->rest_size || !r->rest_whole;
    *out = (sentence){r->rest, size, r->continues || more, r->continues};
    r->continues = more;
    r->rest += size;
    r->rest_size -= size;
}

static const char *name_of_part(const sentence_reader *r) {
    return r->text->part_name(r->text->context, r->split, r->part - 1);
}

// ---------------------------------------------------------------- plain text

static sigmoe_status fail_word(const sentence_reader *r) {
    return fail(SIGMOE_BAD_FORMAT,
        "%s: in the split %s, %d MiB from byte %" PRId64
        " on have no white space, too much for SentencePiece to take at once: break the text into lines, or "
        "use `tokenizer` bytes",
        name_of_part(r), split_names[r->split], WORD_BYTES >> 20, r->measure.bytes);
}

// Returns a line or, with *whole false, as much of a long line as is needed to cut it.
static sigmoe_status next_line_part(sentence_reader *r, size_t *size, bool *whole) {
    for (size_t limit = 2 * SENTENCE_BYTES;; limit *= 2) {
        TRY(next_line(r, limit, size));
        const char *bytes = r->lines.bytes + r->begin;
        *whole = *size == 0 || bytes[*size - 1] == '\n' || r->part_ended;
        size_t piece = *whole ? *size : piece_size(bytes, *size, false);
        if (*whole || piece > 0) {
            *size = piece;
            return SIGMOE_OK;
        }
        if (*size > WORD_BYTES) return fail_word(r);
    }
}

static sigmoe_status read_text_line(sentence_reader *r, bool *found) {
    size_t size;
    bool whole;
    TRY(next_line_part(r, &size, &whole));
    *found = size > 0;
    if (size == 0) {
        r->continues = false;
        return SIGMOE_OK;
    }
    const char *bytes = r->lines.bytes + r->begin;
    raw_measure_add(&r->measure, bytes, size);
    consume(r, size);
    r->rest = bytes;
    r->rest_size = size - (bytes[size - 1] == '\n');
    r->rest_whole = whole;
    if (r->rest_size == 0) r->continues = false;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- documents

static sigmoe_status fail_line(const sentence_reader *r, const char *reason) {
    return fail(SIGMOE_BAD_FORMAT, "%s: line %" PRId64 " %s", name_of_part(r), r->line, reason);
}

static bool is_blank_line(const char *bytes, size_t size) {
    while (size > 0 && is_blank(bytes[size - 1])) size--;
    return size == 0;
}

static sigmoe_status take_document(sentence_reader *r, const json_text *text) {
    r->rest_size = 0;
    if (text->size == 0) return SIGMOE_OK;
    TRY(grow(r->memory, &r->document, text->size + sizeof separator));
    size_t size = json_text_decode(text, r->document.bytes);
    memcpy(r->document.bytes + size, separator, sizeof separator);
    r->rest = r->document.bytes;
    r->rest_size = size + sizeof separator - 1;
    r->rest_whole = true;
    raw_measure_add(&r->measure, r->rest, r->rest_size);
    return SIGMOE_OK;
}

// Scans the document that begins at byte `begin` of the line.
static sigmoe_status scan_document(sentence_reader *r, const char *line, size_t begin, size_t end) {
    char reason[160];
    json_text text;
    size_t size = end - begin;
    // The previous document has been handed out, so the scan can use its buffer.
    TRY(grow(r->memory, &r->document, json_text_levels(size)));
    switch (json_text_find(line + begin, size, (unsigned char *)r->document.bytes, &text)) {
    case JSON_TEXT_FOUND:
        return take_document(r, &text);
    case JSON_TEXT_NULL: // a document without text, like ""
        r->rest_size = 0;
        return SIGMOE_OK;
    case JSON_TEXT_MISSING:
        return fail_line(r, "has no \"text\"");
    case JSON_TEXT_NO_STRING:
        return fail_line(r, "has a \"text\" that is no string");
    case JSON_TEXT_NO_OBJECT:
        return fail_line(r, "is no JSON object");
    case JSON_TEXT_NO_JSON:
        break;
    }
    snprintf(reason, sizeof reason, "is no JSON: %s, at byte %zu of the line", text.problem,
        begin + text.offset + 1);
    return fail_line(r, reason);
}

// Size of the UTF-8 byte order mark at the start of a file, or 0.
static size_t byte_order_mark(const char *bytes, size_t size) {
    static const char mark[] = "\xef\xbb\xbf";
    return size >= sizeof mark - 1 && memcmp(bytes, mark, sizeof mark - 1) == 0 ? sizeof mark - 1 : 0;
}

// Skips the rest of a line that is longer than the part of it in the buffer.
static sigmoe_status skip_line(sentence_reader *r) {
    for (;;) {
        size_t size;
        TRY(next_line(r, DOCUMENT_BYTES, &size));
        bool ended = size == 0 || r->lines.bytes[r->begin + size - 1] == '\n';
        consume(r, size);
        if (ended) return SIGMOE_OK;
    }
}

// Counts a bad line instead of failing, if the text allows that. `to_end`: its rest has not been consumed yet.
static sigmoe_status pass_over(sentence_reader *r, sigmoe_status status, bool to_end) {
    if (status != SIGMOE_BAD_FORMAT || !r->text->skip_bad_lines) return status;
    if (r->bad.count++ == 0) snprintf(r->bad.first, sizeof r->bad.first, "%s", sigmoe_message());
    return to_end ? skip_line(r) : SIGMOE_OK;
}

static sigmoe_status read_document(sentence_reader *r, bool *found) {
    size_t size;
    TRY(next_line(r, DOCUMENT_BYTES, &size));
    *found = size > 0;
    if (size == 0) return SIGMOE_OK;
    r->line++;
    if (size > DOCUMENT_BYTES) return pass_over(r, fail_line(r, "is longer than 16 MiB"), true);
    const char *bytes = r->lines.bytes + r->begin;
    consume(r, size);
    size_t begin = r->line == 1 ? byte_order_mark(bytes, size) : 0;
    size_t end = bytes[size - 1] == '\n' ? size - 1 : size;
    if (is_blank_line(bytes + begin, end - begin)) return SIGMOE_OK;
    return pass_over(r, scan_document(r, bytes, begin, end), false);
}

// ---------------------------------------------------------------- parts

static void close_part(sentence_reader *r) {
    byte_source_close(&r->source);
    arena_destroy(r->part_memory);
    r->part_memory = NULL;
    r->open = false;
}

static sigmoe_status open_part(sentence_reader *r) {
    TRY(arena_create("part of a text", &r->part_memory));
    TRY(r->text->open(r->text->context, r->split, r->part, r->part_memory, &r->source));
    r->part++;
    r->open = true;
    r->part_ended = false;
    r->line = 0;
    r->begin = r->scanned = r->end = 0;
    return SIGMOE_OK;
}

sigmoe_status sentence_reader_next(sentence_reader *r, sentence *out) {
    while (r->rest_size == 0) {
        bool found = false;
        if (r->open)
            TRY(r->text->format == SENTENCE_LINES ? read_text_line(r, &found) : read_document(r, &found));
        if (found) continue;
        close_part(r);
        if (r->part == r->parts) {
            *out = (sentence){0};
            return SIGMOE_OK;
        }
        TRY(open_part(r));
    }
    take_piece(r, out);
    return SIGMOE_OK;
}

sigmoe_status sentence_reader_open(const split_text *text, int split, int parts, sentence_reader **out) {
    arena *memory;
    sentence_reader *r;
    TRY(ARENA_AROUND("sentences", memory, r));
    r->memory = memory;
    r->text = text;
    r->split = split;
    r->parts = parts;
    raw_measure_begin(&r->measure);
    *out = r;
    return SIGMOE_OK;
}

const raw_measure *sentence_reader_measure(const sentence_reader *r) {
    return &r->measure;
}

const bad_lines *sentence_reader_bad_lines(const sentence_reader *r) {
    return &r->bad;
}

void sentence_reader_close(sentence_reader *r) {
    if (!r) return;
    close_part(r);
    arena_destroy(r->memory);
}
