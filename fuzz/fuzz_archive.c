// Archives and compressed files of each kind: what is in them, the text of all of it, and a file of WikiText-103.
#include "fuzz.h"

#include "prepare/archive/archive.h"
#include "prepare/archive/content.h"

enum { MOST = 1 << 18, BLOCK = 1 << 12 }; // a bomb is read no further: nothing is kept of it

static void read_some(byte_source *source) {
    static unsigned char block[BLOCK];
    size_t count = 1;
    for (size_t total = 0; count > 0 && total < MOST; total += count) {
        if (source->read(source->context, block, sizeof block, &count) != SIGMOE_OK) break;
        if (count > sizeof block) abort();
    }
    byte_source_close(source);
}

static sigmoe_status count_file(void *context, const char *path, bool link) {
    enum { MOST_FILES = 1000 };
    int *files = context;
    (void)link;
    archive_path_is_litter(path);
    return ++*files < MOST_FILES ? SIGMOE_OK : SIGMOE_INTERRUPTED;
}

static void read_archive(const char *path) {
    arena *a;
    byte_source file, text;
    int files = 0;
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (file_source_open(path, a, &file) == SIGMOE_OK) archive_list(&file, "input", a, count_file, &files);
    if (file_source_open(path, a, &file) == SIGMOE_OK &&
        archive_find(&file, "wiki.train.*", "input", a, &text) == SIGMOE_OK)
        read_some(&text);
    for (int options = 0; options <= (CONTENT_MANY | CONTENT_OFFERS_RAW); options++)
        if (file_source_open(path, a, &file) == SIGMOE_OK &&
            content_open(&file, "input", options, a, &text) == SIGMOE_OK)
            read_some(&text);
    arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_archive, bytes, size);
    return 0;
}
