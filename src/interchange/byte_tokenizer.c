#include "interchange/byte_tokenizer.h"

#include "formats/json_objects.h"

// The step "ByteLevel" writes each byte as a character: those that Latin-1 can show as themselves, and the others as the
// characters from U+0100 on, in ascending order.
static bool shows_itself(int byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

static void name_byte(int byte, char name[3]) {
    int code = byte;
    if (!shows_itself(byte)) {
        code = 0x100;
        for (int earlier = 0; earlier < byte; earlier++) code += !shows_itself(earlier);
    }
    if (code < 0x80) {
        name[0] = (char)code;
        name[1] = '\0';
    } else {
        name[0] = (char)(0xc0 | code >> 6);
        name[1] = (char)(0x80 | (code & 0x3f));
        name[2] = '\0';
    }
}

static sigmoe_status fill_vocabulary(const tokenizer *t, json_t *vocabulary) {
    for (int id = 0; id < t->alphabet_size; id++) {
        char name[3];
        name_byte(t->alphabet[id], name);
        TRY(json_put(vocabulary, name, json_integer(id)));
    }
    return SIGMOE_OK;
}

// Byte-pair encoding that merges nothing leaves every byte a token of its own.
sigmoe_status byte_tokenizer(const tokenizer *t, json_t **out) {
    json_t *vocabulary = json_object();
    sigmoe_status status = fill_vocabulary(t, vocabulary);
    json_t *root = json_pack("{s:s, s:n, s:n, s:[], s:n, s:{s:s, s:b, s:b, s:b}, s:n, s:{s:s, s:b, s:b, s:b},"
                             " s:{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:[]}}",
        "version", "1.0", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "type",
        "ByteLevel", "add_prefix_space", 0, "trim_offsets", 0, "use_regex", 0, "post_processor", "decoder",
        "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 0, "use_regex", 0, "model", "type", "BPE",
        "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
        "byte_fallback", 0, "ignore_merges", 0, "vocab", vocabulary, "merges");
    if (!root) return fail(SIGMOE_NO_MEMORY, "no memory for a tokenizer");
    return json_hand_out(status, root, out);
}
