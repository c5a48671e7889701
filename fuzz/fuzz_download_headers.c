// What a server and an earlier download say of a file. The input's lines are the headers ETag, Last-Modified and Content-Range; the
// rest is the file of the earlier download's origin.
#include "fuzz.h"

#include "prepare/fetch/download_origin.h"

static char text[1 << 16];

// The line that begins at *next, which moves behind it; NULL at the end.
static const char *next_line(char **next) {
    char *line = *next;
    if (!line) return NULL;
    char *end = strchr(line, '\n');
    *next = end ? end + 1 : NULL;
    if (end) *end = '\0';
    return line;
}

static void check_origin(const download_origin *o) {
    size_t length = strlen(o->validator);
    if (length >= VALIDATOR_CAPACITY) abort();
    for (size_t i = 0; i < length; i++)
        if (o->validator[i] < ' ' || o->validator[i] > '~')
            abort(); // it goes into a header of the next request
}

static void read_origin(const char *input) {
    char partial[FUZZ_PATH];
    name_input(input, "file.origin");
    download_origin o = origin_read(input_path(partial, "file"));
    if (o.total < -1) abort();
    check_origin(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size >= sizeof text) return 0;
    memcpy(text, bytes, size);
    text[size] = '\0';
    char *next = text;
    const char *etag = next_line(&next), *modified = next_line(&next), *range = next_line(&next);
    int64_t first = 0, total = -1;
    if (range_read(range, &first, &total) && (first < 0 || total < -1 || (total >= 0 && first >= total)))
        abort();
    download_origin o = origin_of(etag, modified, total);
    check_origin(&o);
    if (!origin_allows(&o, etag, modified, total)) abort();
    size_t used = next ? (size_t)(next - text) : size;
    read_twice(read_origin, bytes + used, size - used);
    return 0;
}
