// Archives for tests, made by libarchive.
#pragma once

#include "system/scratch.h"

#include <archive.h>
#include <archive_entry.h>

typedef struct packed_file {
    const char *name;
    const void *bytes;
    size_t size;
} packed_file;

// `filter` NULL: no compression.
static inline void put_archive(
    const char *path, const char *format, const char *filter, const packed_file *files, int count) {
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    if (filter) assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, files[i].name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)files[i].size);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, files[i].bytes, files[i].size), files[i].size);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

// A Debian package with `text` as its dictionary, like dict-gcide.
static inline void put_dictionary_package(const char *path, const void *text, size_t size) {
    size_t packed_size, tree_size;
    put_archive(at("dict.dz"), "raw", "gzip", &(packed_file){"text", text, size}, 1);
    unsigned char *packed = get_file(at("dict.dz"), &packed_size);
    const packed_file tree[] = {
        {"./usr/share/dictd/gcide.index", "A\t0\t5\n", 6},
        {"./usr/share/dictd/gcide.dict.dz", packed, packed_size},
    };
    put_archive(at("data.tar.xz"), "ustar", "xz", tree, 2);
    unsigned char *data = get_file(at("data.tar.xz"), &tree_size);
    const packed_file package[] = {
        {"debian-binary", "2.0\n", 4},
        {"control.tar.xz", "no matter", 9},
        {"data.tar.xz", data, tree_size},
    };
    put_archive(path, "ar", NULL, package, 3);
    free(packed);
    free(data);
}
