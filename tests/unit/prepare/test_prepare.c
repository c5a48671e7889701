#include "prepare/prepare.h"
#include "prepare/archives.h"
#include "small_disk.h"

#include "prepare/corpus.h"
#include "data/dataset.h"
#include "formats/json_options.h"
#include "system/sha256.h"
#include "data/text_counter.h"
#include "prepare/tokenize.h"

#include <math.h>
#include <unistd.h>

static sigmoe_prepare_request request_for(
    const char *kind, const char *const *inputs, int count, const char *out, bool force) {
    return (sigmoe_prepare_request){
        .kind = kind, .inputs = inputs, .input_count = count, .out = out, .force = force};
}

static sigmoe_status prepare_to(
    const char *kind, const char *const *inputs, int count, const char *out, bool force) {
    const sigmoe_prepare_request request = request_for(kind, inputs, count, out, force);
    return prepare_data(&request, NULL);
}

static sigmoe_status prepare(const char *kind, int count, const char *const *inputs, bool force) {
    return prepare_to(kind, inputs, count, at("out"), force);
}

static sigmoe_status prepare_text(const void *bytes, size_t size) {
    const char *path = at("text");
    put_file(path, bytes, size);
    return prepare("text", 1, &path, true);
}

// Only what was there before is there: nothing half made.
static void assert_nothing_left(void) {
    assert_false(path_exists(at("out.partial")));
    assert_false(path_exists(at("out")));
}

// Reads the three splits back into the bytes they came from.
static unsigned char *read_back(const dataset *d, int64_t sizes[3], size_t *total) {
    static const char *const names[] = {"train", "valid", "test"};
    unsigned char *bytes = NULL;
    *total = 0;
    for (int k = 0; k < 3; k++) {
        token_split *split;
        assert_int_equal(token_split_open(d->directory, names[k], d->vocab_size, NULL, &split), SIGMOE_OK);
        sizes[k] = token_split_count(split);
        int32_t *tokens = malloc((size_t)sizes[k] * sizeof *tokens);
        bytes = realloc(bytes, *total + (size_t)sizes[k]);
        assert_int_equal(token_split_copy(split, 0, sizes[k], tokens), SIGMOE_OK);
        for (int64_t i = 0; i < sizes[k]; i++) bytes[(*total)++] = d->tokenizer.alphabet[tokens[i]];
        free(tokens);
        token_split_close(split);
    }
    return bytes;
}

static void assert_split_sizes(const split_sizes *s, const unsigned char *bytes, int64_t size) {
    text_counter c = {0};
    text_counter_add(&c, bytes, (size_t)size);
    assert_int_equal(s->tokens, size);
    assert_int_equal(s->bytes, size);
    assert_int_equal(s->chars, text_counter_chars(&c));
    assert_int_equal(s->words, c.words);
}

static void assert_prepared(const void *text, size_t size, int64_t train, int64_t valid) {
    dataset d;
    int64_t sizes[3];
    size_t total;
    if (dataset_open(at("out"), &d) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    unsigned char *bytes = read_back(&d, sizes, &total);
    assert_int_equal(total, size);
    assert_memory_equal(bytes, text, size);
    assert_int_equal(sizes[0], train);
    assert_int_equal(sizes[1], valid);
    assert_split_sizes(&d.train, bytes, sizes[0]);
    assert_split_sizes(&d.valid, bytes + sizes[0], sizes[1]);
    assert_split_sizes(&d.test, bytes + sizes[0] + sizes[1], sizes[2]);
    bool occurs[256] = {false};
    for (size_t i = 0; i < size; i++) occurs[((const unsigned char *)text)[i]] = true;
    int count = 0;
    for (int byte = 0; byte < 256; byte++)
        if (occurs[byte]) assert_int_equal(d.tokenizer.alphabet[count++], byte);
    assert_int_equal(d.vocab_size, count);
    free(bytes);
    assert_false(path_exists(at("out.partial")));
}

static void plain_text(void **state) {
    (void)state;
    char text[1001];
    for (int i = 0; i < 1000; i++) text[i] = "etaoin shrdlu\n"[i * i % 14];
    assert_int_equal(prepare_text(text, 1000), SIGMOE_OK);
    assert_prepared(text, 1000, 900, 50);
    assert_int_equal(prepare_text(text, 999), SIGMOE_OK);
    assert_prepared(text, 999, 899, 50); // floor(899.1), floor(949.05)
    assert_int_equal(prepare_text(text, 20), SIGMOE_OK);
    assert_prepared(text, 20, 18, 1);
}

// Larger than every buffer, with every byte value, and a known hash of one split.
static void large_text(void **state) {
    (void)state;
    enum { SIZE = 300000 };
    unsigned char *text = malloc(SIZE);
    for (uint32_t i = 0, x = 1; i < SIZE; i++, x = x * 1664525u + 1013904223u)
        text[i] = (unsigned char)(x >> 24);
    assert_int_equal(prepare_text(text, SIZE), SIGMOE_OK);
    dataset d;
    int64_t sizes[3];
    size_t total, meta_size;
    assert_int_equal(dataset_open(at("out"), &d), SIGMOE_OK);
    assert_int_equal(d.vocab_size, 256);
    unsigned char *bytes = read_back(&d, sizes, &total);
    assert_int_equal(total, SIZE);
    assert_memory_equal(bytes, text, SIZE);
    struct sha256_ctx hash;
    char hex[SHA256_HEX];
    sha256_init(&hash);
    sha256_update(&hash, (size_t)sizes[1], text + sizes[0]);
    sha256_hex(&hash, hex);
    char *meta = (char *)get_file(at("out/meta.json"), &meta_size);
    assert_non_null(strstr(strstr(meta, "\"valid\""), hex));
    free(meta);
    free(bytes);
    free(text);
}

// Each place of the cut inside a character moves it to the next one's begin.
static void cuts_between_characters(void **state) {
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        char text[101];
        memset(text, 'a', 100);
        memcpy(text + 90 - shift, "\xf0\x9f\x98\x80", 4);
        memcpy(text + 95 - (shift < 2 ? shift : 1), "\xc3\xa9", 2);
        assert_int_equal(prepare_text(text, 100), SIGMOE_OK);
        int64_t first = shift == 0 ? 90 : 94 - shift, second = shift == 0 ? 95 : 96;
        assert_prepared(text, 100, first, second - first);
    }
    // Bytes that only look like the rest of a character do not move it further than one could reach.
    char text[100];
    memset(text, 0x80, sizeof text);
    assert_int_equal(prepare_text(text, 100), SIGMOE_OK);
    assert_prepared(text, 100, 93, 5);
}

static void files_in_order(void **state) {
    (void)state;
    const char *paths[3] = {at("b"), at("a"), at("c")};
    put_text(paths[0], "0123456789");
    put_text(paths[1], "");
    put_text(paths[2], "abcdefghij");
    assert_int_equal(prepare("text", 3, paths, true), SIGMOE_OK);
    assert_prepared("0123456789abcdefghij", 20, 18, 1);
}

static void names_that_are_no_utf8(void **state) {
    (void)state;
    const char *path = at("caf\xe9");
    dataset d;
    put_text(path, "abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(prepare("text", 1, &path, true), SIGMOE_OK);
    assert_int_equal(dataset_open(at("out"), &d), SIGMOE_OK);
    assert_non_null(strstr(d.source, "/caf?"));
}

static void existing_output(void **state) {
    (void)state;
    const char *path = at("text");
    put_text(path, "abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(prepare("text", 1, &path, true), SIGMOE_OK);
    assert_int_equal(prepare("text", 1, &path, false), SIGMOE_BAD_ARGUMENT);
    assert_message_has("`force`");
    // What fails does not cost the old data, even with force.
    put_text(path, "");
    assert_int_equal(prepare("text", 1, &path, true), SIGMOE_BAD_FORMAT);
    assert_prepared("abcdefghijklmnopqrstuvwxyz", 26, 23, 1);
    // The remains of a run that was killed are no obstacle; a name may end in slashes.
    assert_int_equal(directory_make(at("new.partial/sub")), SIGMOE_OK);
    put_text(at("new.partial/sub/train.bin"), "x");
    put_text(at("new.partial/.sigmoe-unfinished"), "");
    put_text(path, "abcdefghijklmnopqrstuvwxyz");
    char out[128];
    snprintf(out, sizeof out, "%s//", at("new"));
    assert_int_equal(prepare_to("text", &path, 1, out, false), SIGMOE_OK);
    assert_true(path_exists(at("new/meta.json")));
    assert_false(path_exists(at("new/sub")) || path_exists(at("new.partial")));
    assert_false(path_exists(at("new/.sigmoe-unfinished")));
    // Nor may force remove the very text that is read.
    const char *inside = at("new/text");
    put_text(inside, "abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(prepare_to("text", &inside, 1, at("new"), true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("holds the input");
    assert_true(path_exists(inside));
    directory_remove(at("out"));
}

// "<out>.partial" is a name that a user's own file may have, too.
static void partial_of_somebody_else(void **state) {
    (void)state;
    const char *text = "abcdefghijklmnopqrstuvwxyz", *path = at("text"), *own = at("own.partial");
    put_text(path, text);
    put_text(own, text);
    assert_int_equal(prepare_to("text", &path, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("own.partial is in the way");
    assert_int_equal(prepare_to("text", &own, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("own.partial holds the input");
    assert_file_text(own, text);
    unlink(own);
    // A directory, and one that was prepared under such a name.
    const char *inside = at("own.partial/text");
    assert_int_equal(directory_make(own), SIGMOE_OK);
    put_text(inside, text);
    assert_int_equal(prepare_to("text", &path, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(prepare_to("text", &inside, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("holds the input");
    assert_file_text(inside, text);
    assert_int_equal(prepare_to("text", &path, 1, own, true), SIGMOE_BAD_ARGUMENT);
    assert_message_has("no directory that sigmoe made");
    assert_file_text(inside, text);
    unlink(inside);
    assert_int_equal(prepare_to("text", &path, 1, own, true), SIGMOE_OK);
    assert_int_equal(prepare_to("text", &path, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    assert_true(path_exists(at("own.partial/train.bin")) && !path_exists(at("own")));
    directory_remove(own);
    // A link's target is not ours either; an empty directory costs nobody anything.
    assert_int_equal(directory_make(at("elsewhere")), SIGMOE_OK);
    assert_int_equal(symlink(at("elsewhere"), own), 0);
    assert_int_equal(prepare_to("text", &path, 1, at("own"), true), SIGMOE_BAD_ARGUMENT);
    unlink(own);
    assert_int_equal(directory_make(own), SIGMOE_OK);
    assert_int_equal(prepare_to("text", &path, 1, at("own"), false), SIGMOE_OK);
    assert_false(path_exists(own));
}

static sigmoe_status second_run = SIGMOE_OK;
static void begin_second_run(void *context, const sigmoe_progress *progress) {
    (void)context, (void)progress;
    const char *path = at("text");
    second_run = prepare_to("text", &path, 1, at("twice"), true);
}

static void two_runs_at_once(void **state) {
    (void)state;
    const char *path = at("text");
    const sigmoe_observer observer = {.progress = begin_second_run};
    put_text(path, "abcdefghijklmnopqrstuvwxyz");
    const sigmoe_prepare_request request = request_for("text", &path, 1, at("twice"), false);
    assert_int_equal(prepare_data(&request, &observer), SIGMOE_OK);
    assert_int_equal(second_run, SIGMOE_IO);
    assert_message_has("another process is writing");
    assert_true(path_exists(at("twice/meta.json")) && !path_exists(at("twice.partial")));
}

static void refuses_text(const char *text, size_t size, const char *part) {
    assert_int_equal(prepare_text(text, size), SIGMOE_BAD_FORMAT);
    assert_message_has(part);
    assert_nothing_left();
}

static void bad_requests(void **state) {
    (void)state;
    refuses_text("", 0, "is empty");
    refuses_text("a", 1, "too few for a train, a valid and a test split");
    refuses_text("ab", 2, "too few");
    refuses_text("0123456789abcdefg\xc3\xa9\xc3\xa9", 21, "too few"); // the only cut between them is no cut
    const char *missing = at("missing"), *directory = scratch;
    assert_int_equal(prepare("text", 1, &missing, false), SIGMOE_IO);
    assert_message_has("missing: No such file");
    assert_int_equal(prepare("enwik8", 1, &directory, false), SIGMOE_IO);
    assert_message_has("it is a directory");
    assert_int_equal(prepare("text", 0, NULL, false), SIGMOE_BAD_ARGUMENT);
    assert_message_has("name one or more files");
    assert_int_equal(prepare("tetx", 1, &missing, false), SIGMOE_BAD_ARGUMENT);
    assert_message_has("did you mean \"text\"?");
    assert_nothing_left();
    const sigmoe_prepare_request nowhere = request_for("text", &missing, 1, NULL, false);
    assert_int_equal(prepare_data(&nowhere, NULL), SIGMOE_BAD_ARGUMENT);
    const sigmoe_prepare_request unnamed = request_for("text", &missing, 1, "", false);
    assert_int_equal(prepare_data(&unnamed, NULL), SIGMOE_BAD_ARGUMENT);
}

static void interruption(void **state) {
    (void)state;
    const char *path = at("text");
    const sigmoe_flag stop = 1;
    const sigmoe_observer observer = {.stop = &stop};
    put_text(path, "abcdefghijklmnopqrstuvwxyz");
    const sigmoe_prepare_request request = request_for("text", &path, 1, at("out"), false);
    assert_int_equal(prepare_data(&request, &observer), SIGMOE_INTERRUPTED);
    assert_nothing_left();
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    put_text(at("text"), "abcdefghijklmnopqrstuvwxyz");
    sigmoe_status status;
    int64_t failures = 0;
    do {
        const char *path = at("text");
        arena_fail_after(failures);
        status = prepare("text", 1, &path, false);
        arena_fail_after(-1);
        if (status == SIGMOE_OK) break;
        assert_int_equal(status, SIGMOE_NO_MEMORY);
        assert_message_has("no memory");
        assert_nothing_left();
        failures++;
    } while (failures < 300);
    assert_int_equal(status, SIGMOE_OK);
    assert_true(failures > 10);
    directory_remove(at("out"));
}

static void a_full_disk(void **state) {
    (void)state;
    static char text[100000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
    const char *path = at("text"), *disk = disk_make(at("disk"));
    char out[256], partial[256];
    snprintf(out, sizeof out, "%s/out", disk);
    snprintf(partial, sizeof partial, "%s/out.partial", disk);
    put_file(path, text, sizeof text);
    disk_leave(disk, 64 << 10);
    const sigmoe_prepare_request request = request_for("text", &path, 1, out, false);
    sigmoe_status status = prepare_data(&request, NULL);
    bool left = path_exists(out) || path_exists(partial);
    disk_empty();
    assert_int_equal(status, SIGMOE_IO);
    assert_message_has("No space left");
    assert_false(left);
}

// A text in memory whose second reading may differ from the first.
typedef struct changing_text {
    const char *readings[2];
    int opened;
    size_t place;
} changing_text;

static sigmoe_status read_changing(void *context, void *buffer, size_t capacity, size_t *count) {
    changing_text *t = context;
    const char *rest = t->readings[t->opened - 1] + t->place;
    *count = strlen(rest) < capacity ? strlen(rest) : capacity;
    if (*count > 7) *count = 7;
    memcpy(buffer, rest, *count);
    t->place += *count;
    return SIGMOE_OK;
}

static void close_changing(void *context) {
    ((changing_text *)context)->place = 0;
}

static sigmoe_status open_changing(const void *context, int part, arena *a, byte_source *out) {
    (void)part, (void)a;
    changing_text *t = *(changing_text *const *)context;
    t->opened++;
    *out = (byte_source){read_changing, close_changing, t};
    return SIGMOE_OK;
}

static sigmoe_status tokenize_twice(const char *first, const char *second, raw_text text) {
    changing_text source = {{first, second}, 0, 0}, *pointer = &source;
    text.name = text.source = "it";
    text.parts = 1;
    text.open = open_changing;
    text.context = &pointer;
    if (path_exists(at("out"))) directory_remove(at("out"));
    assert_int_equal(directory_make(at("out")), SIGMOE_OK);
    const corpus_request request = {.directory = at("out"), .tokenizer = TOKENIZER_BYTES};
    return corpus_tokenize(&request, &text);
}

static void text_that_changes(void **state) {
    (void)state;
    const char *text = "abcdefghijklmnopqrstuvwxyz";
    assert_int_equal(tokenize_twice(text, text, (raw_text){0}), SIGMOE_OK);
    assert_prepared(text, 26, 23, 1);
    assert_int_equal(tokenize_twice(text, "abcdefghijklmnopqrstuvwxyZ", (raw_text){0}), SIGMOE_IO);
    assert_message_has("it changed while it was being read");
    assert_int_equal(tokenize_twice(text, "abcdefghijklmnopqrstuvwxy", (raw_text){0}), SIGMOE_IO);
    assert_int_equal(tokenize_twice(text, "abcdefghijklmnopqrstuvwxyzz", (raw_text){0}), SIGMOE_IO);
    directory_remove(at("out"));
}

static void demands(void **state) {
    (void)state;
    const char *text = "aaaaaaaaaaaaaaaaa\xc3\xa9\xc3\xa9\xc3\xa9"; // 23 bytes; cuts at 20 (inside) and 21
    assert_int_equal(tokenize_twice(text, text, (raw_text){.exact_cuts = true, .bytes = 23}), SIGMOE_OK);
    assert_prepared(text, 23, 20, 1);
    assert_int_equal(tokenize_twice(text, text, (raw_text){.bytes = 24}), SIGMOE_BAD_FORMAT);
    assert_message_has("it has 23 bytes; it must have exactly 24");
    const char *hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // of another text
    assert_int_equal(tokenize_twice(text, text, (raw_text){.sha256 = hash}), SIGMOE_BAD_FORMAT);
    assert_message_has("it must have ba7816bf");
    directory_remove(at("out"));
}

static int downloads(void) {
    arena *a;
    char **names;
    int count, found = 0;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(scratch, a, &names, &count), SIGMOE_OK);
    for (int i = 0; i < count; i++) found += strstr(names[i], "download") != NULL;
    arena_destroy(a);
    return found;
}

static void enwik8_of_the_wrong_size(void **state) {
    (void)state;
    const packed_file short_text = {"enwik8", "<mediawiki>", 11};
    const char *path = at("enwik8.zip");
    put_archive(path, "zip", NULL, &short_text, 1);
    assert_int_equal(prepare("enwik8", 1, &path, false), SIGMOE_BAD_FORMAT);
    assert_message_has("has 11 bytes; it must have exactly 100000000");
    char url[128];
    snprintf(url, sizeof url, "file://%s", path);
    const char *inputs[2] = {url, path};
    assert_int_equal(prepare("enwik8", 1, inputs, false), SIGMOE_BAD_FORMAT);
    assert_message_has("has 11 bytes");
    assert_int_equal(prepare("enwik8", 2, inputs, false), SIGMOE_BAD_ARGUMENT);
    const char *missing = at("missing.zip");
    assert_int_equal(prepare("enwik8", 1, &missing, false), SIGMOE_IO);
    assert_nothing_left();
    // Not even the download, which another try could only find as wrong.
    assert_int_equal(downloads(), 0);
    put_text(path, "PK\x03\x04 no zip");
    assert_int_equal(prepare("enwik8", 1, &inputs[0], false), SIGMOE_BAD_FORMAT);
    assert_message_has("file://"); // not the name of a file that is gone
    assert_int_equal(downloads(), 0);
}

static void put_in_the_way(void *context, const sigmoe_progress *progress) {
    bool *done = context; // once: each call of at() takes one of its few names
    (void)progress;
    if (*done) return;
    *done = true;
    assert_int_equal(directory_make(at("out")), SIGMOE_OK);
    put_text(at("out/mine"), "mine");
}

// A download is kept where the next try can use it, and for no longer.
static void downloads_are_kept(void **state) {
    (void)state;
    enum { ENWIK8 = 100 * 1000 * 1000 };
    const char *path = at("enwik8");
    char url[128];
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < ENWIK8; i += 10) fwrite("a b c d e\n", 1, 10, file);
    assert_int_equal(fclose(file), 0);
    snprintf(url, sizeof url, "file://%s", path);
    const char *input = url;
    bool done = false;
    // It has the size of enwik8, but is another text.
    const char *const enwik8_sha256 = corpus_enwik8_sha256;
    char sha256[SHA256_HEX];
    assert_int_equal(prepare("enwik8", 1, &path, false), SIGMOE_BAD_FORMAT);
    assert_message_has("it must have 2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8");
    assert_int_equal(sha256_file(path, sha256), SIGMOE_OK);
    corpus_enwik8_sha256 = sha256;
    const sigmoe_observer observer = {.progress = put_in_the_way, .context = &done};
    const sigmoe_prepare_request request = request_for("enwik8", &input, 1, at("out"), false);
    assert_int_equal(prepare_data(&request, &observer), SIGMOE_BAD_ARGUMENT);
    assert_message_has("exists already");
    assert_message_has("the result is whole, in ");
    assert_true(path_exists(at("out.partial/meta.json")));
    directory_remove(at("out.partial"));
    assert_int_equal(downloads(), 1);
    unlink(path);
    directory_remove(at("out"));
    put_text(at("out.download-01234567.partial"), "of an address that is not used any more");
    if (prepare_data(&request, NULL) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_int_equal(downloads(), 0);
    corpus_enwik8_sha256 = enwik8_sha256;
    json_t *meta;
    assert_int_equal(json_read_object(at("out/meta.json"), &meta), SIGMOE_OK);
    const json_t *source = json_array_get(json_object_get(meta, "sources"), 0);
    assert_string_equal(json_string_value(json_object_get(source, "name")), url);
    assert_string_equal(json_string_value(json_object_get(source, "sha256")), sha256);
    assert_int_equal(json_integer_value(json_object_get(source, "bytes")), ENWIK8);
    json_decref(meta);
    directory_remove(at("out"));
}

static const char entry[] = "Caf\xe9 (n.) A coffee-house; a place for reading dictionaries.\n"; // Latin-1

static void dictionaries(void **state) {
    (void)state;
    const char *package = at("dict.deb"), *packed = at("dict.dz"), *garbage = at("garbage.deb");
    put_dictionary_package(package, entry, sizeof entry - 1);
    int64_t train = (sizeof entry - 1) * 9 / 10, valid = (sizeof entry - 1) * 19 / 20 - train;
    assert_int_equal(prepare("gcide", 1, &package, true), SIGMOE_OK);
    assert_prepared(entry, sizeof entry - 1, train, valid);
    assert_int_equal(prepare("gcide", 1, &packed, true), SIGMOE_OK);
    assert_prepared(entry, sizeof entry - 1, train, valid);
    directory_remove(at("out"));
    put_text(garbage, entry);
    assert_int_equal(prepare("gcide", 1, &garbage, true), SIGMOE_BAD_FORMAT);
    assert_message_has("cannot unpack");
    assert_nothing_left();
}

static void put_random_bytes(const char *path) {
    unsigned char bytes[5000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
    put_file(path, bytes, sizeof bytes);
}

// Corpora that are known to be text take nothing else, whatever its name, packed or not.
static void random_bytes_are_no_corpus(void **state) {
    (void)state;
    static const char *const files[] = {
        "wiki/wiki.train.tokens", "wiki/wiki.valid.tokens", "wiki/wiki.test.tokens", "random.dict.dz"};
    char command[300];
    assert_int_equal(directory_make(at("wiki")), SIGMOE_OK);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) put_random_bytes(at(files[i]));
    const char *wiki = at("wiki"), *dictionary = at("random.dict.dz");
    assert_int_equal(prepare("wikitext103", 1, &wiki, false), SIGMOE_BAD_FORMAT);
    assert_message_has("wiki.train.tokens is no text: of its first 5000 bytes");
    for (int packed = 0; packed < 2; packed++) {
        assert_int_equal(prepare("gcide", 1, &dictionary, false), SIGMOE_BAD_FORMAT);
        assert_message_has("random.dict.dz is no text: of its first 5000 bytes");
        snprintf(
            command, sizeof command, "gzip -nf '%s' && mv '%s.gz' '%s'", dictionary, dictionary, dictionary);
        assert_int_equal(system(command), 0);
    }
    assert_nothing_left();
}

// With an apt-get of our own in PATH: one that has the package, one that fails, none. Last, the package is installed.
static void dictionary_from_debian(void **state) {
    (void)state;
    const char *installed = corpus_gcide_installed;
    char script[512], path[256], dictionary[256];
    snprintf(dictionary, sizeof dictionary, "%s", at("installed.dict.dz"));
    corpus_gcide_installed = dictionary;
    put_dictionary_package(at("dict.deb"), entry, sizeof entry - 1);
    assert_int_equal(directory_make(at("bin")), SIGMOE_OK);
    snprintf(script, sizeof script,
        "#!/bin/sh\n[ \"$*\" = 'download dict-gcide' ] && cat %s > dict-gcide_1_all.deb\n", at("dict.deb"));
    put_text(at("bin/apt-get"), script);
    snprintf(script, sizeof script, "chmod +x %s", at("bin/apt-get"));
    assert_int_equal(system(script), 0);
    char *old_path = strdup(getenv("PATH"));
    snprintf(path, sizeof path, "%s:/bin:/usr/bin", at("bin"));
    setenv("PATH", path, 1);
    sigmoe_status found = prepare("gcide", 0, NULL, true);
    put_text(at("bin/apt-get"), "#!/bin/sh\nexit 100\n");
    sigmoe_status failing = prepare_to("gcide", NULL, 0, at("out2"), false);
    char message[512];
    snprintf(message, sizeof message, "%s", sigmoe_message());
    setenv("PATH", scratch, 1);
    sigmoe_status none = prepare_to("gcide", NULL, 0, at("out2"), false);
    setenv("PATH", old_path, 1);
    free(old_path);
    assert_int_equal(rename(at("dict.dz"), dictionary), 0);
    sigmoe_status there = prepare_to("gcide", NULL, 0, at("out3"), false);
    corpus_gcide_installed = installed;
    assert_int_equal(there, SIGMOE_OK);
    assert_int_equal(found, SIGMOE_OK);
    assert_false(path_exists(at("out/package")));
    int64_t train = (sizeof entry - 1) * 9 / 10, valid = (sizeof entry - 1) * 19 / 20 - train;
    assert_prepared(entry, sizeof entry - 1, train, valid);
    assert_int_equal(failing, SIGMOE_IO);
    assert_non_null(strstr(message, "apt-get update && apt-get download dict-gcide"));
    assert_int_equal(none, SIGMOE_IO);
    assert_message_has("apt-get cannot be run");
    assert_false(path_exists(at("out2")) || path_exists(at("out2.partial")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text),
        cmocka_unit_test(large_text),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(files_in_order),
        cmocka_unit_test(names_that_are_no_utf8),
        cmocka_unit_test(existing_output),
        cmocka_unit_test(partial_of_somebody_else),
        cmocka_unit_test(two_runs_at_once),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(interruption),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(text_that_changes),
        cmocka_unit_test(demands),
        cmocka_unit_test(enwik8_of_the_wrong_size),
        cmocka_unit_test(downloads_are_kept),
        cmocka_unit_test(dictionaries),
        cmocka_unit_test(random_bytes_are_no_corpus),
        cmocka_unit_test(dictionary_from_debian),
        // Last: from there on the system calls of this process are slower.
        cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
