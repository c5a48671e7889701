// A temporary directory for tests of files, and functions to write and read whole files in it.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Include before cmocka, which has a macro with the name of the function fail() in base/status.h.
#include "base/arena.h"
#include "system/file.h"

#include <cmocka.h>

static char scratch[64];

static inline int scratch_setup(void **state) {
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/sigmoe-test-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_teardown(void **state) {
    (void)state;
    return directory_remove(scratch) == SIGMOE_OK ? 0 : -1;
}

// scratch/NAME; valid until the 64th call after.
static inline const char *at(const char *name) {
    static char paths[64][256];
    static int next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline void put_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void put_text(const char *path, const char *text) {
    put_file(path, text, strlen(text));
}

// The file's bytes, followed by a 0; freed by the caller.
static inline unsigned char *get_file(const char *path, size_t *size) {
    file_map map;
    assert_int_equal(file_map_open(path, &map), SIGMOE_OK);
    unsigned char *bytes = calloc(map.size + 1, 1);
    assert_non_null(bytes);
    if (map.size) memcpy(bytes, map.bytes, map.size);
    *size = map.size;
    file_map_close(&map);
    return bytes;
}

static inline void assert_file_text(const char *path, const char *text) {
    size_t size;
    unsigned char *bytes = get_file(path, &size);
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

static inline void assert_message_has(const char *part) {
    if (!strstr(sigmoe_message(), part)) fail_msg("\"%s\" does not say \"%s\"", sigmoe_message(), part);
}
