#include "generate/passages.h"

#include "formats/json_parse.h"
#include "generate/white.h"

#include <string.h>

struct sigmoe_passages {
    arena *arena; // holds all of it
    sigmoe_passage *items;
    int64_t count;
};

static const char *const members[] = {"continuation", "context", "text"};
enum { MEMBERS = sizeof members / sizeof *members };

static bool is_member(const char *key) {
    for (int i = 0; i < MEMBERS; i++)
        if (strcmp(key, members[i]) == 0) return true;
    return false;
}

// Passages often carry numbers, sources and answers along. But one that is meant to be the context must not be lost.
static sigmoe_status check_keys(const json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        const char *meant = is_member(key) ? NULL : sigmoe_nearest(key, members, MEMBERS);
        if (meant && !json_object_get(object, meant))
            return fail(SIGMOE_BAD_FORMAT, "unknown member \"%.80s\"; did you mean \"%s\"?", key, meant);
    }
    return SIGMOE_OK;
}

// A copy of the text of a member, which may be missing if `optional`: then it is empty.
static sigmoe_status take_text(
    const json_t *object, const char *key, bool optional, arena *a, const char **text, size_t *size) {
    const json_t *member = json_object_get(object, key);
    char *copy;
    if (!member && !optional) return fail(SIGMOE_BAD_FORMAT, "there is no \"%s\", and no \"text\"", key);
    if (member && !json_is_string(member)) return fail(SIGMOE_BAD_FORMAT, "\"%s\" must be a text", key);
    *size = member ? json_string_length(member) : 0;
    TRY(ARENA_NEW_RAW(a, copy, *size + 1));
    memcpy(copy, member ? json_string_value(member) : "", *size + 1);
    *text = copy;
    return SIGMOE_OK;
}

static sigmoe_status take_members(const json_t *object, arena *a, sigmoe_passage *p) {
    bool whole = json_object_get(object, "text") != NULL;
    if (whole && (json_object_get(object, "context") || json_object_get(object, "continuation")))
        return fail(SIGMOE_BAD_FORMAT,
            "there is \"text\", a whole document, beside \"context\" or \"continuation\": leave one out");
    TRY(check_keys(object));
    TRY(take_text(object, "context", true, a, &p->context, &p->context_size));
    return take_text(
        object, whole ? "text" : "continuation", false, a, &p->continuation, &p->continuation_size);
}

// A value may take a hundred times the memory of its text.
enum { MOST_VALUES = 1 << 16 };

static sigmoe_status read_line(const char *line, size_t size, arena *a, sigmoe_passage *p) {
    json_error_t error;
    if (json_count_values(line, size) > MOST_VALUES)
        return fail(SIGMOE_BAD_FORMAT, "more than %d JSON values: this is another kind of file", MOST_VALUES);
    json_t *object =
        json_parse(line, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!object) return fail(SIGMOE_BAD_FORMAT, "column %d: %s", error.column, error.text);
    sigmoe_status status = json_is_object(object)
                               ? take_members(object, a, p)
                               : fail(SIGMOE_BAD_FORMAT, "an object is needed, as {\"context\": \"...\", "
                                                         "\"continuation\": \"...\"}");
    json_decref(object);
    return status;
}

static bool is_blank(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (!is_white(line[i])) return false;
    return true;
}

static size_t line_size(const char *text, size_t size) {
    const char *end = memchr(text, '\n', size);
    return end ? (size_t)(end - text) : size;
}

static int64_t lines_in(const char *text, size_t size) {
    int64_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    return lines;
}

static sigmoe_status read_lines(sigmoe_passages *p, const char *file, const char *text, size_t size) {
    static const char mark[] = "\xef\xbb\xbf"; // some editors put this before UTF-8
    int64_t line = 0;
    size_t at = size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
    TRY(ARENA_NEW(p->arena, p->items, lines_in(text, size)));
    while (at < size) {
        size_t length = line_size(text + at, size - at);
        line++;
        if (!is_blank(text + at, length)) {
            sigmoe_passage *item = &p->items[p->count++];
            item->line = line;
            sigmoe_status status = read_line(text + at, length, p->arena, item);
            if (status != SIGMOE_OK) return fail_in(status, "%s, line %lld", file, (long long)line);
        }
        at += length + 1;
    }
    return SIGMOE_OK;
}

sigmoe_status passages_read(const char *file, const char *text, size_t size, sigmoe_passages **out) {
    arena *a;
    sigmoe_passages *p;
    TRY(ARENA_AROUND("passages", a, p));
    p->arena = a;
    sigmoe_status status = read_lines(p, file, text, size);
    if (status == SIGMOE_OK)
        *out = p;
    else
        passages_free(p);
    return status;
}

const sigmoe_passage *passages_list(const sigmoe_passages *p, int64_t *count) {
    *count = p->count;
    return p->items;
}

void passages_free(sigmoe_passages *p) {
    if (p) arena_destroy(p->arena); // the passages themselves lie in it
}
