#include "system/scratch.h"
#include "small_disk.h"

#include <sys/stat.h>
#include <unistd.h>

// Whether a part of `name` stands beside it, whatever its number.
static bool part_is_left(const char *directory, const char *name) {
    arena *a;
    char **names;
    int count;
    bool left = false;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(directory, a, &names, &count), SIGMOE_OK);
    for (int i = 0; i < count; i++)
        left = left || (strncmp(names[i], name, strlen(name)) == 0 && strstr(names[i], ".partial"));
    arena_destroy(a);
    return left;
}

static void commit_replaces_at_once(void **state) {
    (void)state;
    const char *path = at("a");
    put_text(path, "old");
    file_writer w;
    assert_int_equal(file_writer_open(&w, path), SIGMOE_OK);
    assert_int_equal(file_writer_write(&w, "new!", 4), SIGMOE_OK);
    assert_file_text(path, "old"); // until the commit
    assert_true(part_is_left(scratch, "a"));
    assert_int_equal(file_writer_commit(&w), SIGMOE_OK);
    file_writer_abandon(&w); // harmless
    assert_file_text(path, "new!");
    assert_false(part_is_left(scratch, "a"));
}

static void abandoning_keeps_the_old(void **state) {
    (void)state;
    const char *path = at("b");
    put_text(path, "old");
    file_writer w;
    assert_int_equal(file_writer_open(&w, path), SIGMOE_OK);
    assert_int_equal(file_writer_write(&w, "new", 3), SIGMOE_OK);
    file_writer_abandon(&w);
    file_writer_abandon(&w);
    assert_file_text(path, "old");
    assert_false(part_is_left(scratch, "b"));
}

static void abandoning_keeps_the_sentence(void **state) {
    (void)state;
    file_writer w;
    assert_int_equal(directory_make(at("moved")), SIGMOE_OK);
    assert_int_equal(file_writer_open(&w, at("moved/a")), SIGMOE_OK);
    assert_int_equal(rename(at("moved"), at("away")), 0); // the part is not found any more
    (fail)(SIGMOE_IO, "the reason");
    file_writer_abandon(&w);
    assert_string_equal(sigmoe_message(), "the reason");
}

static sigmoe_status print_lines(FILE *out, const void *context) {
    const int *lines = context;
    for (int i = 0; i < *lines; i++) fprintf(out, "line %05d\n", i);
    return *lines >= 0 ? SIGMOE_OK : (fail)(SIGMOE_BAD_FORMAT, "no lines");
}

static void printing_is_whole_or_nothing(void **state) {
    (void)state;
    const char *path = at("printed");
    put_text(path, "old");
    assert_int_equal(file_print(path, print_lines, &(int){-1}), SIGMOE_BAD_FORMAT);
    assert_string_equal(sigmoe_message(), "no lines");
    assert_file_text(path, "old");
    assert_int_equal(file_print(path, print_lines, &(int){2}), SIGMOE_OK);
    assert_file_text(path, "line 00000\nline 00001\n");
    assert_int_equal(file_print(path, print_lines, &(int){0}), SIGMOE_OK);
    assert_file_text(path, "");
}

static void a_place_that_cannot_be_written(void **state) {
    (void)state;
    file_writer w;
    assert_int_equal(file_writer_open(&w, at("missing/c")), SIGMOE_IO);
    assert_message_has("missing/c");
    file_writer_abandon(&w);
    char path[PATH_CAPACITY + 10];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(file_writer_open(&w, path), SIGMOE_BAD_ARGUMENT);
    file_writer_abandon(&w);
    assert_int_equal(directory_make(at("taken/inside")), SIGMOE_OK);
    assert_int_equal(file_writer_open(&w, at("taken")), SIGMOE_IO);
    assert_message_has("it is a directory");
    // One that comes while the file is written is only found at the end.
    assert_int_equal(file_writer_open(&w, at("late")), SIGMOE_OK);
    assert_int_equal(directory_make(at("late")), SIGMOE_OK);
    assert_int_equal(file_writer_commit(&w), SIGMOE_IO);
    assert_message_has("it is a directory");
    assert_false(part_is_left(scratch, "taken") || part_is_left(scratch, "late"));
}

// A device in place of a file, or a link to one, is lost for good when something is renamed onto it.
static void only_files_are_replaced(void **state) {
    (void)state;
    file_writer w;
    struct stat about;
    put_text(at("target"), "target");
    assert_int_equal(symlink(at("target"), at("link")), 0);
    assert_int_equal(symlink(at("nowhere"), at("dangling")), 0);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    const char *const kinds[][2] = {
        {"link", "a symbolic link"}, {"dangling", "a symbolic link"}, {"fifo", "a device or a pipe"}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(file_replaceable(at(kinds[i][0])), SIGMOE_IO);
        assert_int_equal(file_writer_open(&w, at(kinds[i][0])), SIGMOE_IO);
        assert_message_has(kinds[i][1]);
        assert_false(part_is_left(scratch, kinds[i][0]));
    }
    assert_int_equal(file_writer_open(&w, "/dev/null"), SIGMOE_IO);
    assert_message_has("a device");
    assert_true(lstat(at("link"), &about) == 0 && S_ISLNK(about.st_mode));
    assert_true(lstat(at("fifo"), &about) == 0 && S_ISFIFO(about.st_mode));
    assert_file_text(at("target"), "target");
    assert_int_equal(file_replaceable(at("target")), SIGMOE_OK);
    assert_int_equal(file_replaceable(at("new")), SIGMOE_OK);
}

// What already has the part's name is somebody else's: it is neither written to nor waited for nor removed.
static void parts_of_others_stay(void **state) {
    (void)state;
    char own[128], other[128];
    snprintf(own, sizeof own, "p.%ld-0.partial", (long)getpid());
    snprintf(other, sizeof other, "p.%ld-1.partial", (long)getpid());
    put_text(at("precious"), "precious");
    put_text(at("p.partial"), "ordinary");
    assert_int_equal(symlink(at("precious"), at(own)), 0);
    assert_int_equal(mkfifo(at(other), 0600), 0);
    file_writer first, second;
    assert_int_equal(file_writer_open(&first, at("p")), SIGMOE_OK);
    assert_int_equal(file_writer_open(&second, at("p")), SIGMOE_OK);
    assert_int_equal(file_writer_write(&first, "first", 5), SIGMOE_OK);
    assert_int_equal(file_writer_write(&second, "second", 6), SIGMOE_OK);
    assert_int_equal(file_writer_commit(&first), SIGMOE_OK);
    assert_file_text(at("p"), "first");
    file_writer_abandon(&second);
    assert_file_text(at("p"), "first");
    assert_file_text(at("precious"), "precious");
    assert_file_text(at("p.partial"), "ordinary");
    assert_true(path_exists(at(own)) && path_exists(at(other)));
}

static void a_full_disk(void **state) {
    (void)state;
    const char *disk = disk_make(at("disk"));
    char path[256];
    snprintf(path, sizeof path, "%s/file", disk);
    put_text(path, "old");
    disk_leave(disk, 64 << 10);
    static char block[1 << 12];
    file_writer w;
    assert_int_equal(file_writer_open(&w, path), SIGMOE_OK);
    sigmoe_status status = SIGMOE_OK;
    for (int i = 0; i < 40 && status == SIGMOE_OK; i++) status = file_writer_write(&w, block, sizeof block);
    if (status == SIGMOE_OK) status = file_writer_commit(&w);
    file_writer_abandon(&w);
    bool left = part_is_left(disk, "file");
    size_t size;
    unsigned char *bytes = get_file(path, &size);
    disk_empty();
    assert_int_equal(status, SIGMOE_IO);
    assert_message_has("No space left");
    assert_false(left);
    assert_string_equal((char *)bytes, "old");
    free(bytes);
}

static void what_is_printed_to_a_full_disk(void **state) {
    (void)state;
    const char *disk = disk_make(at("disk3"));
    char path[256];
    snprintf(path, sizeof path, "%s/file", disk);
    disk_leave(disk, 4096);
    sigmoe_status status = file_print(path, print_lines, &(int){10000});
    bool left = path_exists(path) || part_is_left(disk, "file");
    disk_empty();
    assert_int_equal(status, SIGMOE_IO);
    assert_message_has("No space left");
    assert_false(left);
}

// What fits the stream's buffer is only refused when it is flushed: the commit must notice.
static void a_full_disk_on_commit(void **state) {
    (void)state;
    const char *disk = disk_make(at("disk2"));
    char paths[2][256];
    snprintf(paths[0], sizeof paths[0], "%s/first", disk);
    snprintf(paths[1], sizeof paths[1], "%s/second", disk);
    disk_leave(disk, 4096);
    file_writer first, second;
    static char page[4096];
    assert_int_equal(file_writer_open(&first, paths[0]), SIGMOE_OK);
    assert_int_equal(file_writer_write(&first, page, sizeof page), SIGMOE_OK);
    sigmoe_status filled = file_writer_commit(&first);
    assert_int_equal(file_writer_open(&second, paths[1]), SIGMOE_OK);
    assert_int_equal(file_writer_write(&second, "small", 5), SIGMOE_OK);
    sigmoe_status status = file_writer_commit(&second);
    bool left = path_exists(paths[1]) || part_is_left(disk, "second");
    disk_empty();
    assert_int_equal(filled, SIGMOE_OK);
    assert_int_equal(status, SIGMOE_IO);
    assert_false(left);
}

static void mapping(void **state) {
    (void)state;
    file_map map;
    put_text(at("empty"), "");
    assert_int_equal(file_map_open(at("empty"), &map), SIGMOE_OK);
    assert_null(map.bytes);
    assert_int_equal(map.size, 0);
    file_map_close(&map);
    assert_int_equal(file_map_open(at("nothing"), &map), SIGMOE_IO);
    assert_message_has("nothing");
    assert_int_equal(file_map_open(scratch, &map), SIGMOE_IO);
    assert_message_has("it is a directory");
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    assert_int_equal(file_map_open(at("pipe"), &map), SIGMOE_IO); // and does not wait for a writer
    assert_message_has("not a regular file");
    file_map_close(&map);
}

static void slashes_are_joined(void **state) {
    (void)state;
    char path[PATH_CAPACITY];
    assert_int_equal(path_format(path, "%s/%s", "data/", "train.bin"), SIGMOE_OK);
    assert_string_equal(path, "data/train.bin");
    assert_int_equal(path_format(path, "%s/%s", "//a///b//", "/c/"), SIGMOE_OK);
    assert_string_equal(path, "/a/b/c/");
    assert_int_equal(path_format(path, "%s", ""), SIGMOE_OK);
    assert_string_equal(path, "");
    assert_int_equal(path_format(path, "%s", "/"), SIGMOE_OK);
    assert_string_equal(path, "/");
}

static void directories(void **state) {
    (void)state;
    assert_int_equal(directory_make(at("x/y/z")), SIGMOE_OK);
    assert_int_equal(directory_make(at("x/y/z/")), SIGMOE_OK);
    put_text(at("x/file"), "");
    assert_int_equal(directory_make(at("x/file/below")), SIGMOE_IO);
    assert_message_has("in the way");
    assert_int_equal(directory_make(at("other")), SIGMOE_OK);
    put_text(at("other/kept"), "kept");
    assert_int_equal(symlink(at("other"), at("x/y/link")), 0);
    assert_int_equal(directory_remove(at("x")), SIGMOE_OK);
    assert_false(path_exists(at("x")));
    assert_file_text(at("other/kept"), "kept"); // links are not followed
    assert_int_equal(directory_remove(at("x")), SIGMOE_IO);
}

static void listing(void **state) {
    (void)state;
    arena *a;
    char **names;
    int count;
    assert_int_equal(directory_make(at("list/sub")), SIGMOE_OK);
    put_text(at("list/b"), "");
    put_text(at("list/B"), "");
    put_text(at("list/a10"), "");
    put_text(at("list/a9"), "");
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(at("list"), a, &names, &count), SIGMOE_OK);
    const char *expected[] = {"B", "a10", "a9", "b", "sub"};
    assert_int_equal(count, 5);
    for (int i = 0; i < count; i++) assert_string_equal(names[i], expected[i]);
    assert_int_equal(directory_list(at("nowhere"), a, &names, &count), SIGMOE_IO);
    sigmoe_status status;
    int64_t failures = 0;
    do {
        arena_fail_after(failures);
        status = directory_list(at("list"), a, &names, &count);
        failures += status != SIGMOE_OK;
    } while (status == SIGMOE_NO_MEMORY);
    arena_fail_after(-1);
    assert_int_equal(status, SIGMOE_OK);
    assert_int_equal(failures, 6); // the array and five names
    arena_destroy(a);
}

static void committing_a_directory(void **state) {
    (void)state;
    assert_int_equal(directory_make(at("d.partial/sub")), SIGMOE_OK);
    put_text(at("d.partial/sub/f"), "f");
    assert_int_equal(directory_commit(at("d.partial"), at("d")), SIGMOE_OK);
    assert_false(path_exists(at("d.partial")));
    assert_file_text(at("d/sub/f"), "f");
    assert_int_equal(directory_make(at("d.partial")), SIGMOE_OK);
    assert_int_equal(directory_commit(at("d.partial"), at("d")), SIGMOE_IO); // not onto another
    assert_file_text(at("d/sub/f"), "f");
    assert_int_equal(directory_commit(at("never"), at("e")), SIGMOE_IO);
}

// What is appended to shows where a link or another name leads; and a pipe would be waited for.
static void only_files_are_appended_to(void **state) {
    (void)state;
    FILE *stream;
    put_text(at("victim"), "kept");
    put_text(at("log"), "one\n");
    assert_int_equal(file_appendable(at("log")), SIGMOE_OK);
    assert_int_equal(file_appendable(at("new-log")), SIGMOE_OK);
    assert_int_equal(file_append(at("log"), &stream), SIGMOE_OK);
    fputs("two\n", stream);
    fclose(stream);
    assert_file_text(at("log"), "one\ntwo\n");
    assert_int_equal(symlink(at("victim"), at("log-link")), 0);
    assert_int_equal(symlink(at("unborn"), at("log-dangling")), 0);
    assert_int_equal(mkfifo(at("log-pipe"), 0600), 0);
    assert_int_equal(link(at("victim"), at("log-twin")), 0);
    const char *const refused[][2] = {{"log-link", "log-link is a symbolic link, and is not written through"},
        {"log-dangling", "log-dangling is a symbolic link"}, {"log-pipe", "a device or a pipe"},
        {"log-twin", "2 names (hard links)"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(file_appendable(at(refused[i][0])), SIGMOE_IO);
        assert_message_has(refused[i][1]);
        assert_int_equal(file_append(at(refused[i][0]), &stream), SIGMOE_IO);
        assert_message_has(refused[i][1]);
        assert_null(stream);
    }
    assert_file_text(at("victim"), "kept");
    assert_false(path_exists(at("unborn")));
}

// Before a directory of the program's own, links are the user's; in it, they are whoever's.
static void links_are_followed_to_the_mark(void **state) {
    (void)state;
    file_writer w;
    FILE *stream;
    assert_int_equal(directory_make(at("victims/sub")), SIGMOE_OK);
    put_text(at("victims/sub/kept"), "kept");
    assert_int_equal(directory_make(at("own")), SIGMOE_OK);
    assert_int_equal(symlink(at("own"), at("to-own")), 0);
    assert_int_equal(symlink(at("victims"), at("own/led")), 0);
    // Without the mark.
    assert_int_equal(file_writer_open(&w, at("to-own/led/file")), SIGMOE_OK);
    file_writer_abandon(&w);
    put_text(at("own/" MARK_NAME), "");
    assert_int_equal(file_writer_open(&w, at("to-own/file")), SIGMOE_OK);
    assert_int_equal(file_writer_commit(&w), SIGMOE_OK);
    assert_true(path_exists(at("own/file")));
    assert_int_equal(file_writer_open(&w, at("to-own/led/file")), SIGMOE_IO);
    assert_message_has("to-own/led is a symbolic link, and is not written through");
    assert_int_equal(file_append(at("own/led/file"), &stream), SIGMOE_IO);
    assert_int_equal(directory_make(at("own/led/new/deeper")), SIGMOE_IO);
    assert_message_has("own/led is a symbolic link");
    assert_int_equal(directory_remove(at("own/led/sub")), SIGMOE_IO);
    assert_int_equal(directory_make(at("own/kept.partial")), SIGMOE_OK);
    assert_int_equal(directory_rename(at("own/kept.partial"), at("own/led/kept")), SIGMOE_IO);
    assert_file_text(at("victims/sub/kept"), "kept");
    assert_int_equal(directory_make(at("own/sub/sub/../sub")), SIGMOE_OK);
    // Beyond it, the user's own way again.
    assert_int_equal(symlink(at("victims"), at("led")), 0);
    assert_int_equal(directory_make(at("own/sub/../../led/made")), SIGMOE_OK);
    assert_true(path_exists(at("victims/made")));
    // From the inside, too.
    char here[PATH_CAPACITY];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(at("own")), 0);
    sigmoe_status status = directory_make("./led/new");
    assert_int_equal(chdir(here), 0);
    assert_int_equal(status, SIGMOE_IO);
    assert_int_equal(directory_remove(at("own")), SIGMOE_OK); // the link itself goes
    assert_file_text(at("victims/sub/kept"), "kept");
}

static void what_is_cut_while_it_is_read(void **state) {
    (void)state;
    char bytes[8] = "";
    int descriptor = -1;
    int64_t size = 0;
    put_text(at("cut"), "01234567");
    assert_int_equal(file_open(at("cut"), &descriptor, &size), SIGMOE_OK);
    assert_int_equal(file_read_at(descriptor, "cut", 2, 6, bytes), SIGMOE_OK);
    assert_memory_equal(bytes, "234567", 6);
    assert_int_equal(truncate(at("cut"), 5), 0);
    assert_int_equal(file_read_at(descriptor, "cut", 2, 6, bytes), SIGMOE_BAD_FORMAT);
    assert_string_equal(sigmoe_message(), "cut ends at byte 5: it was cut short while it was read");
    close(descriptor);
}

// A file may claim any size without taking place on the disk.
static void too_much_to_read(void **state) {
    (void)state;
    file_map map;
    put_text(at("large"), "x");
    assert_int_equal(file_map_open_up_to(at("large"), 1, &map), SIGMOE_OK);
    file_map_close(&map);
    assert_int_equal(truncate(at("large"), (off_t)1 << 40), 0);
    assert_int_equal(file_map_open(at("large"), &map), SIGMOE_BAD_FORMAT);
    assert_non_null(strstr(sigmoe_message(), "1099511627776 bytes, more than the 2147483647 "));
    assert_null(map.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_replaces_at_once),
        cmocka_unit_test(abandoning_keeps_the_old),
        cmocka_unit_test(abandoning_keeps_the_sentence),
        cmocka_unit_test(printing_is_whole_or_nothing),
        cmocka_unit_test(a_place_that_cannot_be_written),
        cmocka_unit_test(only_files_are_replaced),
        cmocka_unit_test(parts_of_others_stay),
        cmocka_unit_test(mapping),
        cmocka_unit_test(what_is_cut_while_it_is_read),
        cmocka_unit_test(too_much_to_read),
        cmocka_unit_test(slashes_are_joined),
        cmocka_unit_test(directories),
        cmocka_unit_test(listing),
        cmocka_unit_test(committing_a_directory),
        cmocka_unit_test(only_files_are_appended_to),
        cmocka_unit_test(links_are_followed_to_the_mark),
        // Last: from there on the system calls of this process are slower.
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_full_disk_on_commit),
        cmocka_unit_test(what_is_printed_to_a_full_disk),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
