// WikiText-103, C4 and peS2o from small archives, text with a SentencePiece tokenizer, and what is wrong with others.
#include "prepare/prepare.h"
#include "prepare/small_corpus.h"

#include "prepare/tokenize_sentencepiece.h"

#include <unistd.h>

enum { PIECES = 90 };

typedef struct job {
    const char *kind;
    const char *inputs[8];
    sigmoe_prepare_request with; // tokenizer, vocab_size, shards
    int threads;
} job;

static sigmoe_status prepare_at(const char *out, job j) {
    sigmoe_prepare_request r = j.with;
    const sigmoe_observer observer = {.threads = j.threads ? j.threads : 1};
    while (j.inputs[r.input_count]) r.input_count++;
    r.kind = j.kind;
    r.inputs = j.inputs;
    r.out = out;
    r.force = true;
    return prepare_data(&r, &observer);
}

static void prepares(const char *out, job j, dataset *d) {
    if (prepare_at(out, j) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    assert_dataset(out, d);
}

static void refuses(job j, sigmoe_status status, const char *message) {
    assert_int_equal(prepare_at(at("refused"), j), status);
    assert_message_has(message);
    assert_null(strchr(sigmoe_message(), '\n'));
    assert_false(path_exists(at("refused")) || path_exists(at("refused.partial")));
}

static void same_file(const char *a, const char *b) {
    size_t a_size, b_size;
    unsigned char *x = get_file(a, &a_size), *y = get_file(b, &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(x, y, a_size);
    free(x);
    free(y);
}

static void same_data(const char *a, const char *b) {
    static const char *const files[] = {"train.bin", "valid.bin", "test.bin", "tokenizer.model"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char x[512], y[512];
        snprintf(x, sizeof x, "%s/%s", a, files[i]);
        snprintf(y, sizeof y, "%s/%s", b, files[i]);
        same_file(x, y);
    }
}

// ---------------------------------------------------------------- WikiText-103

// By hand: 2 + 9 + 3 words and 4 newlines; 2 of the bytes are the accent's.
static const char valid_text[] = " \n , book , \n the caf\xc3\xa9 was 7 @-@ letters is , . \n";
enum { VALID_WORDS = 3 + 9 + 3 };

static void put_wikitext(const char *path, const char *format, const char *filter, const char *folder) {
    char names[3][128];
    char *train = make_lines(400, 3), *test = make_lines(20, 4);
    static const char *const splits[] = {"train", "valid", "test"};
    for (int i = 0; i < 3; i++) snprintf(names[i], sizeof names[i], "%swiki.%s.tokens", folder, splits[i]);
    const packed_file files[] = {{"README", "x", 1}, {"a/not-wiki.valid.tokens.txt", "x", 1},
        {names[0], train, strlen(train)}, {names[1], valid_text, strlen(valid_text)},
        {names[2], test, strlen(test)}};
    put_archive(path, format, filter, files, 5);
    free(train);
    free(test);
}

static void assert_wikitext(const char *out) {
    dataset d;
    assert_dataset(out, &d);
    assert_int_equal(d.vocab_size, PIECES);
    assert_int_equal(d.tokenizer.type, TOKENIZER_SENTENCEPIECE);
    assert_int_equal(d.valid.bytes, strlen(valid_text));
    assert_int_equal(d.valid.chars, strlen(valid_text) - 1);
    assert_int_equal(d.valid.words, VALID_WORDS);
    const char *splits[] = {"train", "valid", "test"};
    char *texts[] = {make_lines(400, 3), strdup(valid_text), make_lines(20, 4)};
    for (int i = 0; i < 3; i++) {
        int64_t count;
        free(read_tokens(&d, splits[i], &count));
        assert_int_equal(dataset_split(&d, splits[i])->tokens, count);
        assert_int_equal(dataset_split(&d, splits[i])->bytes, strlen(texts[i]));
        char *back = decode_split(&d, splits[i]);
        assert_string_equal(back, squeeze(texts[i]));
        free(back);
        free(texts[i]);
    }
}

static void wikitext(void **state) {
    (void)state;
    dataset d;
    static const char *const folders[] = {"", "wikitext-103/", "a/b/c/"};
    const sigmoe_prepare_request with = {.vocab_size = PIECES};
    for (int i = 0; i < 3; i++) {
        put_wikitext(at("wt.zip"), "zip", NULL, folders[i]);
        prepares(at("out"), (job){"wikitext103", {at("wt.zip")}, with, 0}, &d);
        assert_wikitext(at("out"));
    }
    put_wikitext(at("wt.tgz"), "ustar", "gzip", folders[1]);
    prepares(at("other"), (job){"wikitext103", {at("wt.tgz")}, with, 0}, &d);
    same_data(at("out"), at("other"));
    char url[256];
    snprintf(url, sizeof url, "file://%s", at("wt.zip"));
    prepares(at("other"), (job){"wikitext103", {url}, with, 0}, &d);
    same_data(at("out"), at("other"));
    // Unpacked, in a directory.
    char *train = make_lines(400, 3), *test = make_lines(20, 4);
    assert_int_equal(directory_make(at("dir")), SIGMOE_OK);
    put_text(at("dir/wiki.train.tokens"), train);
    put_text(at("dir/wiki.valid.tokens"), valid_text);
    put_text(at("dir/wiki.test.tokens"), test);
    prepares(at("other"), (job){"wikitext103", {at("dir")}, with, 0}, &d);
    same_data(at("out"), at("other"));
    free(train);
    free(test);
}

static void bad_wikitext(void **state) {
    (void)state;
    const packed_file wrong[] = {{"wiki.train.tokens", "a b\n", 4}, {"wiki.valid.token", "a\n", 2}};
    put_archive(at("wrong.zip"), "zip", NULL, wrong, 2);
    refuses((job){.kind = "wikitext103", .inputs = {at("wrong.zip")}}, SIGMOE_BAD_FORMAT,
        "wrong.zip holds no wiki.valid.tokens");
    size_t size;
    put_wikitext(at("wt.zip"), "zip", NULL, "x/");
    unsigned char *bytes = get_file(at("wt.zip"), &size);
    put_file(at("cut.zip"), bytes, size / 3);
    refuses((job){.kind = "wikitext103", .inputs = {at("cut.zip")}}, SIGMOE_BAD_FORMAT, "cut.zip");
    free(bytes);
    put_text(at("plain.txt"), "no archive at all\n");
    refuses((job){.kind = "wikitext103", .inputs = {at("plain.txt")}}, SIGMOE_BAD_FORMAT, "cannot unpack");
    assert_int_equal(directory_make(at("empty")), SIGMOE_OK);
    refuses((job){.kind = "wikitext103", .inputs = {at("empty")}}, SIGMOE_BAD_FORMAT,
        "empty holds no wiki.train.tokens, and no wiki.train.raw");
    refuses((job){.kind = "wikitext103", .inputs = {at("none.zip")}}, SIGMOE_IO, "none.zip");
    refuses((job){.kind = "wikitext103", .inputs = {"a", "b"}}, SIGMOE_BAD_ARGUMENT, "at most one");
    const packed_file blank[] = {{"wiki.train.tokens", "a b c d\n", 8}, {"wiki.valid.tokens", " \n \n", 4},
        {"wiki.test.tokens", "a\n", 2}};
    put_archive(at("blank.zip"), "zip", NULL, blank, 3);
    refuses((job){.kind = "wikitext103", .inputs = {at("blank.zip")}}, SIGMOE_BAD_FORMAT,
        "the split valid has no text");
    const packed_file nothing[] = {
        {"wiki.train.tokens", "\n", 1}, {"wiki.valid.tokens", "a\n", 2}, {"wiki.test.tokens", "a\n", 2}};
    put_archive(at("nothing.zip"), "zip", NULL, nothing, 3);
    refuses((job){.kind = "wikitext103", .inputs = {at("nothing.zip")}}, SIGMOE_BAD_FORMAT,
        "no sentence to train a tokenizer on");
}

static void put_splits(const char *folder, const char *edition) {
    char *texts[] = {make_lines(400, 3), strdup(valid_text), make_lines(20, 4)}, path[256];
    static const char *const splits[] = {"train", "valid", "test"};
    assert_int_equal(directory_make(folder), SIGMOE_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/wiki.%s.%s", folder, splits[i], edition);
        put_text(path, texts[i]);
        free(texts[i]);
    }
}

static void assert_source(const char *directory, const char *end) {
    char path[256], source[256];
    size_t size;
    snprintf(path, sizeof path, "%s/meta.json", directory);
    snprintf(source, sizeof source, "%s\"", end);
    char *meta = (char *)get_file(path, &size);
    assert_non_null(strstr(meta, source));
    free(meta);
}

static void wikitext_layouts(void **state) {
    (void)state;
    dataset d;
    const sigmoe_prepare_request with = {.vocab_size = PIECES};
    put_splits(at("plain"), "tokens");
    prepares(at("out"), (job){"wikitext103", {at("plain")}, with, 0}, &d);
    assert_source(at("out"), "/plain");
    put_splits(at("outer/wikitext-103"), "tokens");
    prepares(at("other"), (job){"wikitext103", {at("outer")}, with, 0}, &d);
    same_data(at("out"), at("other"));
    put_splits(at("raw"), "raw");
    prepares(at("other"), (job){"wikitext103", {at("raw")}, with, 0}, &d);
    same_data(at("out"), at("other"));
    assert_source(at("other"), "/raw (raw edition)");
    // Where both are, the usual one.
    put_splits(at("outer/wikitext-103-raw"), "raw");
    prepares(at("other"), (job){"wikitext103", {at("outer")}, with, 0}, &d);
    assert_source(at("other"), "/outer");
    put_splits(at("outer/wikitext-2"), "tokens");
    refuses((job){"wikitext103", {at("outer")}, with, 0}, SIGMOE_BAD_FORMAT,
        "wikitext-103/wiki.train.tokens and wikitext-2/wiki.train.tokens");
}

// A split that is not to be found exactly once is noticed before the tokenizer is trained.
static void ambiguous_wikitext(void **state) {
    (void)state;
    dataset d;
    char *train = make_lines(400, 3);
    size_t size = strlen(train);
    const sigmoe_prepare_request with = {.vocab_size = PIECES};
    const packed_file litter[] = {{"__MACOSX/x/wiki.train.tokens", "junk", 4},
        {"x/._wiki.train.tokens", "junk", 4}, {"x/wiki.train.tokens", train, size},
        {"x/wiki.valid.tokens", "a\n", 2}, {"x/wiki.test.tokens", "b\n", 2}};
    put_archive(at("mac.zip"), "zip", NULL, litter, 5);
    prepares(at("out"), (job){"wikitext103", {at("mac.zip")}, with, 0}, &d);
    assert_int_equal(d.train.bytes, size);
    const packed_file twice[] = {{"wikitext-2/wiki.train.tokens", "junk", 4},
        {"wikitext-103/wiki.train.tokens", train, size}, {"wikitext-103/wiki.valid.tokens", "a\n", 2},
        {"wikitext-103/wiki.test.tokens", "b\n", 2}};
    put_archive(at("twice.zip"), "zip", NULL, twice, 4);
    refuses((job){"wikitext103", {at("twice.zip")}, with, 0}, SIGMOE_BAD_FORMAT,
        "twice.zip holds two files wiki.train.tokens: wikitext-2/wiki.train.tokens and wikitext-103/");
    const packed_file apart[] = {{"a/wiki.train.tokens", train, size}, {"b/wiki.valid.tokens", "a\n", 2},
        {"a/wiki.test.tokens", "b\n", 2}};
    put_archive(at("apart.zip"), "zip", NULL, apart, 3);
    refuses((job){"wikitext103", {at("apart.zip")}, with, 0}, SIGMOE_BAD_FORMAT,
        "a/wiki.train.tokens and b/wiki.valid.tokens, in different folders");
    const packed_file empty[] = {
        {"wiki.train.tokens", train, size}, {"wiki.valid.tokens", "a\n", 2}, {"wiki.test.tokens", "", 0}};
    put_archive(at("empty.zip"), "zip", NULL, empty, 3);
    refuses((job){"wikitext103", {at("empty.zip")}, with, 0}, SIGMOE_BAD_FORMAT, "wiki.test.tokens is empty");
    free(train);
}

static int downloads_of(const char *name) {
    arena *a;
    char **names;
    int count, found = 0;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(scratch, a, &names, &count), SIGMOE_OK);
    for (int i = 0; i < count; i++) found += strncmp(names[i], name, strlen(name)) == 0;
    arena_destroy(a);
    return found;
}

// What was downloaded is kept for a better try, unless it is itself what is wrong, or done.
static void wikitext_from_urls(void **state) {
    (void)state;
    dataset d;
    char url[256], wrong[256];
    put_wikitext(at("wt.zip"), "zip", NULL, "");
    put_text(at("wrong.zip"), "no archive at all\n");
    snprintf(url, sizeof url, "file://%s", at("wt.zip"));
    snprintf(wrong, sizeof wrong, "file://%s", at("wrong.zip"));
    const sigmoe_prepare_request few = {.vocab_size = 5};
    refuses((job){"wikitext103", {url}, few, 0}, SIGMOE_BAD_ARGUMENT, "5 tokens");
    assert_int_equal(downloads_of("refused.download"), 1);
    prepares(at("refused"), (job){"wikitext103", {url}, {.vocab_size = PIECES}, 0}, &d);
    assert_int_equal(downloads_of("refused.download"), 0);
    assert_int_equal(directory_remove(at("refused")), SIGMOE_OK);
    refuses((job){"wikitext103", {wrong}, few, 0}, SIGMOE_BAD_FORMAT, wrong);
    assert_int_equal(downloads_of("refused.download"), 0);
}

// ---------------------------------------------------------------- C4 and peS2o

// A shard of the lines of make_lines(lines, seed), each a document without the spaces at its ends.
static void put_shard(const char *path, const char *filter, int lines, uint32_t seed) {
    char *text = make_lines(lines, seed), *json = malloc(strlen(text) + (size_t)lines * 40), *end = json;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && rest;)
        end += sprintf(end, "{\"url\": \"x\", \"text\": \"%s\"}\n", squeeze(line));
    const packed_file file = {"shard.json", json, (size_t)(end - json)};
    put_archive(path, filter ? "raw" : "zip", filter, &file, 1);
    free(text);
    free(json);
}

// The raw text of shards: documents that are not empty, each with the separator.
static char *documents_of(int lines, uint32_t seed) {
    char *text = make_lines(lines, seed), *out = malloc(strlen(text) + (size_t)lines * 12 + 1), *end = out;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && rest;)
        if (squeeze(line)[0]) end += sprintf(end, "%s<STORY_SEP>", line);
    *end = '\0';
    free(text);
    return out;
}

static void assert_documents(const split_sizes *sizes, const char *raw) {
    text_counter counter = {0};
    text_counter_add(&counter, (const unsigned char *)raw, strlen(raw));
    assert_int_equal(sizes->bytes, strlen(raw));
    assert_int_equal(sizes->chars, text_counter_chars(&counter));
    assert_int_equal(sizes->words, counter.words);
}

static void shards_by_name(void **state) {
    (void)state;
    dataset d, other;
    const sigmoe_prepare_request with = {.vocab_size = PIECES};
    put_shard(at("c4-validation.0.json.gz"), "gzip", 40, 12);
    put_shard(at("c4-train.0.json.gz"), "gzip", 200, 10);
    put_shard(at("c4-train.1.json.zst"), "zstd", 200, 11);
    const job all = {
        "c4", {at("c4-validation.0.json.gz"), at("c4-train.0.json.gz"), at("c4-train.1.json.zst")}, with, 0};
    prepares(at("c4"), all, &d);
    char *first = documents_of(200, 10), *second = documents_of(200, 11), *valid = documents_of(40, 12);
    char *train = malloc(strlen(first) + strlen(second) + 1);
    sprintf(train, "%s%s", first, second);
    assert_documents(&d.train, train);
    assert_documents(&d.valid, valid);
    // Scored on the validation text: it is the test split, too.
    assert_documents(&d.test, valid);
    same_file(at("c4/valid.bin"), at("c4/test.bin"));
    // Documents are encoded apart, so a space begins each: that is all that decoding adds.
    char *back = decode_split(&d, "valid"), *in = back;
    for (const char *c = valid; *c; c++, in++) {
        if (*in == ' ' && *c != ' ' && c > valid && c[-1] == '>') in++;
        assert_int_equal(*in, *c);
    }
    assert_int_equal(*in, 0);

    job fewer = all;
    fewer.with.train_shards = 1;
    prepares(at("one"), fewer, &other);
    assert_documents(&other.train, first);
    assert_documents(&other.valid, valid);
    fewer.with.train_shards = 3;
    refuses(fewer, SIGMOE_BAD_ARGUMENT, "3 training shards are asked for, but there are 2");
    fewer.inputs[1] = NULL;
    fewer.with.train_shards = 0;
    refuses(fewer, SIGMOE_BAD_ARGUMENT, "there is no training shard");
    free(first), free(second), free(valid), free(train), free(back);
}

static void shards_by_count(void **state) {
    (void)state;
    dataset d;
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d.zip", i);
        put_shard(at(name), NULL, 100 + i, 20 + (uint32_t)i);
    }
    job j = {"pes2o", {at("s0.zip"), at("s1.zip"), at("s2.zip")}, {.vocab_size = PIECES}, 0};
    prepares(at("pes2o"), j, &d);
    char *last = documents_of(102, 22), *first = documents_of(100, 20), *middle = documents_of(101, 21);
    assert_documents(&d.valid, last);
    j.with.valid_shards = 2;
    prepares(at("pes2o"), j, &d);
    assert_documents(&d.train, first);
    assert_int_equal(d.valid.bytes, strlen(middle) + strlen(last));
    j.with.valid_shards = 3;
    refuses(j, SIGMOE_BAD_ARGUMENT, "leaves none to train on");
    refuses((job){.kind = "c4", .inputs = {at("s0.zip")}}, SIGMOE_BAD_ARGUMENT, "leaves none to train on");
    free(first), free(middle), free(last);
}

static void damaged_shards(void **state) {
    (void)state;
    size_t size;
    put_shard(at("good.gz"), "gzip", 100, 30);
    unsigned char *bytes = get_file(at("good.gz"), &size);
    put_file(at("cut.gz"), bytes, size / 2);
    bytes[size - 8] ^= 1; // the checksum
    put_file(at("changed.gz"), bytes, size);
    free(bytes);
    put_text(at("bad.json"), "{\"text\": \"a\"}\n{\"text\"\n");
    put_text(at("field.json"), "{\"text\": \"a\"}\n{\"body\": \"b\"}\n");
    refuses((job){.kind = "c4", .inputs = {at("cut.gz"), at("good.gz")}}, SIGMOE_BAD_FORMAT, "cut.gz");
    refuses((job){.kind = "c4", .inputs = {at("good.gz"), at("cut.gz")}}, SIGMOE_BAD_FORMAT, "cut.gz");
    refuses(
        (job){.kind = "c4", .inputs = {at("changed.gz"), at("good.gz")}}, SIGMOE_BAD_FORMAT, "changed.gz");
    refuses((job){.kind = "c4", .inputs = {at("good.gz"), at("bad.json")}}, SIGMOE_BAD_FORMAT,
        "bad.json: line 2 is no JSON");
    refuses((job){.kind = "c4", .inputs = {at("field.json"), at("good.gz")}}, SIGMOE_BAD_FORMAT,
        "field.json: line 2 has no \"text\"");
    refuses((job){.kind = "c4", .inputs = {at("none.gz"), at("good.gz")}}, SIGMOE_IO, "none.gz");
}

static void shards_from_urls(void **state) {
    (void)state;
    dataset d;
    char train[256], valid[256], bad[256];
    put_shard(at("train.gz"), "gzip", 100, 40);
    put_shard(at("valid.gz"), "gzip", 20, 41);
    put_text(at("bad-valid.json"), "{\n");
    snprintf(train, sizeof train, "file://%s", at("train.gz"));
    snprintf(valid, sizeof valid, "file://%s", at("valid.gz"));
    snprintf(bad, sizeof bad, "file://%s", at("bad-valid.json"));
    const sigmoe_prepare_request with = {.vocab_size = PIECES};
    prepares(at("urls"), (job){"c4", {train, valid}, with, 0}, &d);
    assert_int_equal(prepare_at(at("refused"), (job){"c4", {train, bad}, with, 0}), SIGMOE_BAD_FORMAT);
    // What is whole is kept for the next try, what is wrong and what is done is not.
    arena *a;
    char **names;
    int count, kept = 0;
    assert_int_equal(arena_create("test", &a), SIGMOE_OK);
    assert_int_equal(directory_list(scratch, a, &names, &count), SIGMOE_OK);
    for (int i = 0; i < count; i++) {
        assert_null(strstr(names[i], "urls.download"));
        kept += strstr(names[i], "refused.download") != NULL;
    }
    assert_int_equal(kept, 1);
    arena_destroy(a);
}

// ---------------------------------------------------------------- any text

static void same_at_any_thread_count(void **state) {
    (void)state;
    dataset d;
    char *text = make_lines(6000, 50); // several blocks for each thread
    put_text(at("text"), text);
    free(text);
    const sigmoe_prepare_request with = {.vocab_size = PIECES, .tokenizer = "sentencepiece"};
    prepares(at("threads1"), (job){"text", {at("text")}, with, 1}, &d);
    prepares(at("threads2"), (job){"text", {at("text")}, with, 2}, &d);
    prepares(at("threads3"), (job){"text", {at("text")}, with, 3}, &d);
    same_data(at("threads1"), at("threads2"));
    same_data(at("threads1"), at("threads3"));
    same_file(at("threads1/meta.json"), at("threads3/meta.json"));
}

// Splits are cut where bytes would be cut, so that scores of both can be compared.
static void same_splits_as_bytes(void **state) {
    (void)state;
    dataset pieces, bytes;
    for (int lines = 300; lines < 320; lines++) {
        char *text = make_lines(lines, (uint32_t)lines), *end = text + strlen(text);
        for (char *c = text; c + 1 < end; c += 2) // many characters of two bytes for the cuts to hit
            if (c[0] == 'e' && c[1] == 't') memcpy(c, "\xc3\xa9", 2);
        put_text(at("first"), "the first file is short ");
        put_text(at("second"), text);
        free(text);
        const job j = {"text", {at("first"), at("second")}, {0}, 0};
        job cut = j;
        cut.with = (sigmoe_prepare_request){.vocab_size = PIECES, .tokenizer = "sentencepiece"};
        prepares(at("bytes"), j, &bytes);
        prepares(at("pieces"), cut, &pieces);
        const char *splits[] = {"train", "valid", "test"};
        for (int i = 0; i < 3; i++) {
            const split_sizes *x = dataset_split(&bytes, splits[i]), *y = dataset_split(&pieces, splits[i]);
            assert_int_equal(x->bytes, y->bytes);
            assert_int_equal(x->chars, y->chars);
            assert_int_equal(x->words, y->words);
        }
    }
}

static void bad_requests(void **state) {
    (void)state;
    put_text(at("text"), "some text\n");
    const char *text = at("text");
    const sigmoe_prepare_request unknown = {.tokenizer = "words"}, sized = {.vocab_size = 100};
    const sigmoe_prepare_request bytes = {.tokenizer = "bytes"}, sharded = {.train_shards = 1};
    const sigmoe_prepare_request negative = {.tokenizer = "sentencepiece", .vocab_size = -1};
    const sigmoe_prepare_request less = {.valid_shards = -1};
    refuses((job){"text", {text}, unknown, 0}, SIGMOE_BAD_ARGUMENT, "no tokenizer \"words\"");
    refuses((job){"text", {text}, sized, 0}, SIGMOE_BAD_ARGUMENT, "for the tokenizer sentencepiece only");
    refuses((job){"text", {text}, negative, 0}, SIGMOE_BAD_ARGUMENT, "a vocabulary of -1");
    refuses((job){"text", {text}, sharded, 0}, SIGMOE_BAD_ARGUMENT, "text has no shards");
    refuses((job){"c4", {text}, less, 0}, SIGMOE_BAD_ARGUMENT, "must be 0 (all) or more");
    refuses((job){"c4", {text}, bytes, 0}, SIGMOE_BAD_ARGUMENT, "the tokenizer of c4 is sentencepiece");
}

static void interruption(void **state) {
    (void)state;
    char *text = make_lines(200, 60);
    put_text(at("text"), text);
    free(text);
    const sigmoe_flag stop = 1;
    const sigmoe_observer observer = {.stop = &stop};
    const char *input = at("text");
    const sigmoe_prepare_request r = {.kind = "text",
        .inputs = &input,
        .input_count = 1,
        .out = at("refused"),
        .tokenizer = "sentencepiece"};
    assert_int_equal(prepare_data(&r, &observer), SIGMOE_INTERRUPTED);
    assert_false(path_exists(at("refused")) || path_exists(at("refused.partial")));
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    put_shard(at("a.gz"), "gzip", 20, 70);
    put_shard(at("valid.gz"), "gzip", 5, 71);
    char train[256], valid[256]; // at() reuses its memory
    snprintf(train, sizeof train, "%s", at("a.gz"));
    snprintf(valid, sizeof valid, "%s", at("valid.gz"));
    const job j = {"c4", {train, valid}, {.vocab_size = PIECES}, 0};
    sigmoe_status status = SIGMOE_NO_MEMORY;
    int failures = 0;
    for (; status != SIGMOE_OK && failures < 500; failures++) {
        arena_fail_after(failures);
        status = prepare_at(at("refused"), j);
        arena_fail_after(-1);
        if (status == SIGMOE_OK) break;
        if (status != SIGMOE_NO_MEMORY) fail_msg("allocation %d: %s", failures, sigmoe_message());
        assert_message_has("no memory");
        assert_false(path_exists(at("refused")) || path_exists(at("refused.partial")));
    }
    assert_int_equal(status, SIGMOE_OK);
    assert_true(failures > 20);
    directory_remove(at("refused"));
}

static sigmoe_status open_lines(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)context, (void)part;
    return file_source_open(split == 0 ? at("many") : at("few"), a, out);
}

// An integer of meta.json's "tokenizer_model".
static int64_t about_training(const char *directory, const char *key) {
    char path[256], quoted[64];
    size_t size;
    snprintf(path, sizeof path, "%s/meta.json", directory);
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    char *meta = (char *)get_file(path, &size), *place = strstr(strstr(meta, "tokenizer_model"), quoted);
    assert_non_null(place);
    int64_t value = atoll(place + strlen(quoted));
    free(meta);
    return value;
}

// More text than the trainer may have: a sample, the same each time, of about the size allowed.
static void samples_of_large_texts(void **state) {
    (void)state;
    char *many = make_lines(4000, 80), *few = make_lines(20, 81);
    put_text(at("many"), many);
    put_text(at("few"), few);
    split_text text = {.name = "it",
        .source = "it",
        .split_by = split_by_source,
        .format = SENTENCE_LINES,
        .parts = {1, 1, 1},
        .training_parts = 1,
        .training_bytes = (int64_t)strlen(many) / 4,
        .open = open_lines};
    const char *outs[] = {"sample1", "sample2", "all"};
    for (int i = 0; i < 3; i++) {
        if (i == 2) text.training_bytes = (int64_t)strlen(many);
        assert_int_equal(directory_make(at(outs[i])), SIGMOE_OK);
        if (tokenize_sentencepiece(&text, PIECES, at(outs[i]), NULL) != SIGMOE_OK)
            fail_msg("%s", sigmoe_message());
    }
    same_data(at("sample1"), at("sample2"));
    int64_t sentences = about_training(at("all"), "sentences"), bytes = about_training(at("all"), "bytes");
    assert_int_equal(about_training(at("all"), "of_sentences"), sentences);
    assert_int_equal(about_training(at("all"), "of_bytes"), bytes);
    assert_int_equal(about_training(at("sample1"), "of_sentences"), sentences);
    assert_int_equal(about_training(at("sample1"), "of_bytes"), bytes);
    assert_in_range(about_training(at("sample1"), "sentences"), sentences * 22 / 100, sentences * 28 / 100);
    assert_in_range(about_training(at("sample1"), "bytes"), bytes * 22 / 100, bytes * 28 / 100);
    free(many), free(few);
}

// ---------------------------------------------------------------- the model's file

static void damaged_tokenizers(void **state) {
    (void)state;
    dataset d;
    size_t size;
    put_wikitext(at("wt.zip"), "zip", NULL, "");
    prepares(at("out"), (job){"wikitext103", {at("wt.zip")}, {.vocab_size = PIECES}, 0}, &d);
    assert_string_equal(d.tokenizer.model_path, at("out/tokenizer.model"));
    tokenizer whole = d.tokenizer, none = {.type = TOKENIZER_SENTENCEPIECE}, other = whole;
    other.model_sha256[0] ^= 1;
    assert_true(tokenizer_equal(&whole, &whole) && tokenizer_equal(&whole, &none));
    assert_false(tokenizer_equal(&whole, &other));
    assert_int_equal(directory_make(at("copy")), SIGMOE_OK);
    assert_int_equal(tokenizer_copy_model(&whole, at("copy")), SIGMOE_OK);
    same_file(at("out/tokenizer.model"), at("copy/tokenizer.model"));
    unsigned char *bytes = get_file(at("out/tokenizer.model"), &size);
    bytes[size / 2] ^= 4;
    put_file(at("out/tokenizer.model"), bytes, size);
    free(bytes);
    assert_int_equal(tokenizer_copy_model(&whole, at("copy")), SIGMOE_IO);
    assert_message_has("is not what it was");
    assert_int_equal(dataset_open(at("out"), &d), SIGMOE_BAD_FORMAT);
    assert_message_has("tokenizer.model beside it is damaged or another one");
    // Without the file the tokens can still be read, and are still known to be that model's.
    unlink(at("out/tokenizer.model"));
    assert_dataset(at("out"), &d);
    assert_string_equal(d.tokenizer.model_sha256, whole.model_sha256);
    assert_string_equal(d.tokenizer.model_path, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wikitext),
        cmocka_unit_test(bad_wikitext),
        cmocka_unit_test(wikitext_layouts),
        cmocka_unit_test(ambiguous_wikitext),
        cmocka_unit_test(wikitext_from_urls),
        cmocka_unit_test(shards_by_name),
        cmocka_unit_test(shards_by_count),
        cmocka_unit_test(damaged_shards),
        cmocka_unit_test(shards_from_urls),
        cmocka_unit_test(same_at_any_thread_count),
        cmocka_unit_test(same_splits_as_bytes),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(interruption),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(samples_of_large_texts),
        cmocka_unit_test(damaged_tokenizers),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
