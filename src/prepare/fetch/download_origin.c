#include "prepare/fetch/download_origin.h"

#include "system/file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const download_origin unknown = {.total = -1};

// Whether this is a single line: it comes from a server and goes into a request's header line.
static bool is_line(const char *text) {
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c > '~') return false;
    return *text && strlen(text) < VALIDATOR_CAPACITY;
}

download_origin origin_of(const char *etag, const char *modified, int64_t total) {
    download_origin o = {.total = total};
    bool strong = etag && etag[0] == '"'; // W/"..." means equivalent, not identical
    const char *validator = strong ? etag : modified;
    if (!strong && modified && modified[0] == '"') return o; // no date: it would be taken for an ETag
    if (validator && is_line(validator)) memcpy(o.validator, validator, strlen(validator) + 1);
    return o;
}

bool origin_allows(const download_origin *o, const char *etag, const char *modified, int64_t total) {
    const char *now = o->validator[0] == '"' ? etag : modified;
    bool same = !o->validator[0] || !now || strcmp(now, o->validator) == 0;
    return same && (o->total < 0 || total < 0 || o->total == total);
}

// Digits alone, as the standard has it: no sign, no space, and nothing that does not fit.
static bool read_count(const char **text, int64_t *count) {
    const char *begin = *text;
    *count = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        if (*count > (INT64_MAX - 9) / 10) return false;
        *count = *count * 10 + (**text - '0');
    }
    return *text > begin;
}

bool range_read(const char *range, int64_t *first, int64_t *total) {
    static const char unit[] = "bytes ";
    int64_t last;
    *total = -1;
    if (!range || strncmp(range, unit, sizeof unit - 1) != 0) return false;
    range += sizeof unit - 1;
    if (!read_count(&range, first) || *range++ != '-' || !read_count(&range, &last) || last < *first)
        return false;
    if (*range++ != '/') return false;
    if (strcmp(range, "*") == 0) return true;
    return read_count(&range, total) && !*range && last < *total;
}

// ---------------------------------------------------------------- the file: total, then validator, one per line

static sigmoe_status origin_path(const char *partial, char path[PATH_CAPACITY]) {
    return path_format(path, "%s.origin", partial);
}

static FILE *open_regular(const char *path) {
    int descriptor;
    int64_t size;
    if (file_open(path, &descriptor, &size) != SIGMOE_OK) return NULL;
    FILE *file = fdopen(descriptor, "rb");
    if (!file) close(descriptor);
    return file;
}

download_origin origin_read(const char *partial) {
    char path[PATH_CAPACITY], line[VALIDATOR_CAPACITY + 1] = "";
    download_origin o = unknown;
    FILE *file = origin_path(partial, path) == SIGMOE_OK ? open_regular(path) : NULL;
    if (!file) return unknown;
    bool read =
        fscanf(file, "%" SCNd64, &o.total) == 1 && fgetc(file) == '\n' && fgets(line, sizeof line, file);
    fclose(file);
    size_t length = strcspn(line, "\n");
    if (!read || line[length] != '\n' || o.total < -1) return unknown;
    line[length] = '\0';
    if (is_line(line)) memcpy(o.validator, line, length + 1);
    return o;
}

sigmoe_status origin_write(const download_origin *o, const char *partial) {
    char path[PATH_CAPACITY], text[VALIDATOR_CAPACITY + 32];
    TRY(origin_path(partial, path));
    int length = snprintf(text, sizeof text, "%" PRId64 "\n%s\n", o->total, o->validator);
    return file_write(path, text, (size_t)length);
}

void origin_remove(const char *partial) {
    char path[PATH_CAPACITY];
    if (origin_path(partial, path) == SIGMOE_OK) file_remove(path);
}
