#include "system/scratch.h"

#include "data/dataset_identity.h"
#include "formats/json_options.h"

static void good(const char *meta, dataset *d) {
    put_text(at("meta.json"), meta);
    if (dataset_open(scratch, d) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

static void refuses(const char *meta, const char *part) {
    dataset d;
    put_text(at("meta.json"), meta);
    assert_int_equal(dataset_open(scratch, &d), SIGMOE_BAD_FORMAT);
    assert_message_has("meta.json");
    assert_message_has(part);
}

static void two_keys_suffice(void **state) {
    (void)state;
    dataset d;
    good("{\"vocab_size\": 8000, \"tokenizer\": {\"type\": \"none\"}}", &d);
    assert_int_equal(d.vocab_size, 8000);
    assert_int_equal(d.tokenizer.type, TOKENIZER_NONE);
    assert_string_equal(d.source, "");
    assert_string_equal(d.directory, scratch);
    const split_sizes *s = dataset_split(&d, "valid");
    assert_true(s->tokens == -1 && s->bytes == -1 && s->chars == -1 && s->words == -1);
    assert_null(dataset_split(&d, "validation"));
    good("{\"vocab_size\": 8000, \"tokenizer\": {\"type\": \"sentencepiece\"}, \"anything\": [1]}", &d);
    assert_int_equal(d.tokenizer.type, TOKENIZER_SENTENCEPIECE);
}

static void all_keys(void **state) {
    (void)state;
    dataset d;
    good("{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [0, 10, 255]}, \"source\": "
         "\"s\",\"splits\": {\"test\": {\"tokens\": 5, \"bytes\": 6, \"chars\": 7, \"words\": 8, \"sha256\": "
         "\"\"}}}",
        &d);
    assert_string_equal(d.source, "s");
    const split_sizes *s = dataset_split(&d, "test");
    assert_true(s->tokens == 5 && s->bytes == 6 && s->chars == 7 && s->words == 8);
    assert_int_equal(dataset_split(&d, "train")->tokens, -1);
    assert_int_equal(tokenizer_vocab_size(&d.tokenizer), 3);
    assert_int_equal(d.tokenizer.alphabet[2], 255);
}

// "aé", a newline and a byte 0xa9 alone: each stream counts by itself, so the é that the second cut parts is two characters.
static void sizes_of_a_part(void **state) {
    (void)state;
    dataset d;
    token_writer *w;
    token_split *split;
    split_sizes s;
    static const int32_t ids[] = {1, 3, 2, 0, 1, 3, 2, 1};
    good("{\"vocab_size\": 4, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [10, 97, 169, 195]}, "
         "\"splits\": {\"test\": {\"tokens\": 8, \"bytes\": 8, \"chars\": 6, \"words\": 3}, \"valid\": "
         "{\"words\": 1}}}",
        &d);
    s = dataset_sizes_of(&d, "test", ids, 1, 8);
    assert_true(s.tokens == 8 && s.bytes == 8 && s.chars == 6 && s.words == 3);
    s = dataset_sizes_of(&d, "test", ids + 1, 2, 3); // "é\n", "a" and half an é
    assert_true(s.tokens == 6 && s.bytes == 6 && s.chars == 4 && s.words == 3);
    s = dataset_sizes_of(&d, "valid", ids, 1, 8);
    assert_true(s.tokens == 8 && s.bytes == -1 && s.chars == -1 && s.words == 3);

    assert_int_equal(token_writer_open(scratch, "test", 4, 0, &w), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, ids, 8), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
    assert_int_equal(dataset_open_split(&d, "test", &split), SIGMOE_OK);
    assert_int_equal(
        dataset_part_sizes(&d, "test", split, 2, 4, &s), SIGMOE_OK); // half an é, "\na", half an é
    assert_true(s.tokens == 4 && s.bytes == 4 && s.chars == 4 && s.words == 3);
    d.tokenizer.type = TOKENIZER_SENTENCEPIECE;
    assert_int_equal(dataset_part_sizes(&d, "test", split, 2, 4, &s), SIGMOE_OK);
    assert_true(s.tokens == 4 && s.bytes == -1 && s.chars == -1 && s.words == -1);
    token_split_close(split);
    assert_int_equal(remove(at("test.bin")), 0);
}

static void bad_metas(void **state) {
    (void)state;
    dataset d;
    refuses("[]", "object is needed");
    refuses("{}", "\"vocab_size\" must be");
    refuses("{\"vocab_size\": 0, \"tokenizer\": {\"type\": \"none\"}}", "\"vocab_size\" must be");
    refuses("{\"vocab_size\": 2147483648, \"tokenizer\": {\"type\": \"none\"}}", "\"vocab_size\" must be");
    refuses("{\"vocab_size\": 5}", "\"tokenizer\" must be an object");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {}}", "\"tokenizer.type\" must be");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"byte\"}}", "\"tokenizer.type\" must be");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\", \"alphabet\": []}}",
        "\"tokenizer.alphabet\"");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"bytes\"}}", "\"tokenizer.alphabet\" must be");
    refuses("{\"vocab_size\": 2, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [3, 3]}}", "entry 1");
    refuses("{\"vocab_size\": 2, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [3, 256]}}", "entry 1");
    refuses("{\"vocab_size\": 2, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [-1, 2]}}", "entry 0");
    refuses("{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"bytes\", \"alphabet\": [1, 2]}}", "has 2 bytes");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"train\": 1}}",
        "\"splits.train\"");
    refuses(
        "{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"train\": {\"bytes\": -1}}}",
        "\"splits.train.bytes\" must be a count");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\"}, \"splits\": []}",
        "\"splits\" must be an object");
    refuses("{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\"}, \"splits\": null}",
        "\"splits\" must be an object");
    static const char *const sums[] = {"{}", "[]", "\"\"", "[1]", "[\"12\"]",
        "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeF\"]",
        "[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"]"};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        char meta[256];
        snprintf(meta, sizeof meta,
            "{\"vocab_size\": 5, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"test\": {\"shards\": "
            "%s}}}",
            sums[i]);
        refuses(meta, "\"splits.test.shards\"");
    }
    assert_int_equal(dataset_open(at("nowhere"), &d), SIGMOE_IO);
    assert_message_has("there is no data in ");
    assert_message_has("nowhere: No such file");
    assert_int_equal(dataset_open(at("meta.json"), &d), SIGMOE_IO);
}

static void tokenizers_as_json(void **state) {
    (void)state;
    tokenizer all = {.type = TOKENIZER_BYTES, .alphabet_size = 256}, back, none = {0};
    for (int i = 0; i < 256; i++) all.alphabet[i] = (uint8_t)i;
    json_t *object;
    assert_int_equal(tokenizer_to_json(&all, &object), SIGMOE_OK);
    assert_int_equal(tokenizer_from_json(object, "t", &back), SIGMOE_OK);
    json_decref(object);
    assert_true(tokenizer_equal(&all, &back));
    back.alphabet_size = 255;
    assert_false(tokenizer_equal(&all, &back));
    back.alphabet_size = 256;
    back.alphabet[9] = 8;
    assert_false(tokenizer_equal(&all, &back));
    assert_false(tokenizer_equal(&all, &none));
    assert_int_equal(tokenizer_vocab_size(&none), 0);
    assert_int_equal(tokenizer_to_json(&none, &object), SIGMOE_OK);
    assert_int_equal(tokenizer_from_json(object, "t", &back), SIGMOE_OK);
    assert_true(tokenizer_equal(&none, &back));
    json_decref(object);
}

static void splits_of_the_said_size(void **state) {
    (void)state;
    dataset d;
    token_writer *w;
    token_split *split;
    const int32_t tokens[5] = {0, 1, 2, 0, 1};
    assert_int_equal(token_writer_open(scratch, "test", 3, 2, &w), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, tokens, 5), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
    const char *const metas[] = {
        "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}}",
        "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"test\": {\"tokens\": 5}}}",
        "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"test\": {\"tokens\": 50}}}",
        "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}, \"splits\": {\"test\": {\"tokens\": 0}}}",
    };
    for (int i = 0; i < 4; i++) {
        good(metas[i], &d);
        if (i < 2) {
            assert_int_equal(dataset_open_split(&d, "test", &split), SIGMOE_OK);
            assert_int_equal(token_split_count(split), 5);
            token_split_close(split);
        } else {
            assert_int_equal(dataset_open_split(&d, "test", &split), SIGMOE_BAD_FORMAT);
            assert_message_has("split test hold 5 tokens, but meta.json says");
        }
    }
    assert_int_equal(dataset_open_split(&d, "../test", &split), SIGMOE_BAD_ARGUMENT);
    assert_message_has("there is no split");
    assert_int_equal(dataset_open_split(&d, "train", &split), SIGMOE_IO);
}

static void write_three(const char *split) {
    token_writer *w;
    const int32_t tokens[3] = {0, 1, 2};
    assert_int_equal(token_writer_open(scratch, split, 3, 2, &w), SIGMOE_OK);
    assert_int_equal(token_writer_add(w, tokens, 3), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
}

// meta.json with the splits, as printed by `format` from the sums of the two shards that each split has.
static void put_splits(const char *format, dataset *d) {
    char splits[2048], meta[2200], a[SHA256_HEX], b[SHA256_HEX];
    assert_int_equal(sha256_file(at("valid_000000.bin"), a), SIGMOE_OK);
    assert_int_equal(sha256_file(at("valid_000001.bin"), b), SIGMOE_OK);
    snprintf(splits, sizeof splits, format, a, b, a, b);
    snprintf(meta, sizeof meta, "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}%s}", splits);
    good(meta, d);
}

static void flip(const char *path, size_t byte) {
    size_t size;
    unsigned char *bytes = get_file(path, &size);
    bytes[byte] ^= 1;
    put_file(path, bytes, size);
    free(bytes);
}

static void shards_have_their_sums(void **state) {
    (void)state;
    dataset d;
    token_split *split;
    for (int i = 0; i < 3; i++) write_three(((const char *const[]){"train", "valid", "test"})[i]);
    put_splits(", \"splits\": {\"valid\": {\"shards\": [\"%s\", \"%s\"]}}", &d);
    assert_int_equal(dataset_open_split(&d, "valid", &split), SIGMOE_OK);
    token_split_close(split);
    assert_int_equal(dataset_verify(&d, NULL), SIGMOE_OK);
    flip(at("valid_000001.bin"), 1000); // in the reserved part of the header
    assert_int_equal(dataset_open_split(&d, "valid", &split), SIGMOE_BAD_FORMAT);
    assert_message_has("valid_000001.bin is damaged, or of other data");
    assert_int_equal(dataset_verify(&d, NULL), SIGMOE_BAD_FORMAT);
    flip(at("valid_000001.bin"), 1000);
    put_splits(", \"splits\": {\"valid\": {\"shards\": [\"%s\"]}}", &d);
    assert_int_equal(dataset_open_split(&d, "valid", &split), SIGMOE_BAD_FORMAT);
    assert_message_has("has 2 shards, but meta.json has the sums of 1");
}

static json_t *identity(const dataset *d) {
    json_t *out;
    if (dataset_identity(d, &out) != SIGMOE_OK) fail_msg("%s", sigmoe_message());
    return out;
}

// Whether data that are `d` now are those of the record.
static bool is_same(const dataset *d, const json_t *record) {
    json_t *now = identity(d);
    bool same = dataset_identity_equal(now, record);
    json_decref(now);
    return same;
}

static void what_identifies_data(void **state) {
    (void)state;
    dataset d;
    for (int i = 0; i < 2; i++) write_three(((const char *const[]){"train", "valid"})[i]);
    put_splits("", &d); // no sums: those of the files count
    json_t *record = identity(&d);
    assert_true(is_same(&d, record));
    assert_int_equal(json_array_size(json_object_get(json_object_get(record, "train"), "shards")), 2);
    flip(at("valid_000000.bin"), 1024);
    assert_false(is_same(&d, record));
    flip(at("valid_000000.bin"), 1024);
    // With sums in meta.json these count; that the files have them is checked when they are opened.
    put_splits(", \"splits\": {\"train\": {\"shards\": [\"%s\", \"%s\"]}, \"valid\": {\"shards\": [\"%s\", "
               "\"%s\"]}}",
        &d);
    assert_true(is_same(&d, record));
    flip(at("valid_000000.bin"), 1024);
    assert_true(is_same(&d, record));
    put_splits(", \"splits\": {\"train\": {\"shards\": [\"%s\", \"%s\"]}, \"valid\": {\"tokens\": 3}}", &d);
    assert_false(is_same(&d, record));
    json_decref(record);
    // What earlier versions recorded has no sums.
    json_t *null = json_null(), *none = json_object(), *sizes = json_pack("{s:{s:i}}", "valid", "tokens", 3),
           *others = json_pack("{s:{s:i}}", "valid", "tokens", 4);
    assert_true(is_same(&d, sizes) && !is_same(&d, others) && !is_same(&d, none) && !is_same(&d, null));
    put_splits("", &d);
    assert_true(is_same(&d, none) && is_same(&d, null) && !is_same(&d, sizes));
    json_decref(none);
    json_decref(sizes);
    json_decref(others);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_keys_suffice),
        cmocka_unit_test(all_keys),
        cmocka_unit_test(sizes_of_a_part),
        cmocka_unit_test(bad_metas),
        cmocka_unit_test(tokenizers_as_json),
        cmocka_unit_test(splits_of_the_said_size),
        cmocka_unit_test(shards_have_their_sums),
        cmocka_unit_test(what_identifies_data),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
