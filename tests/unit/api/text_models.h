// Small models of bytes, one for each kind of block, for tests of texts. To be included behind cmocka.h.
#pragma once

#include "sigmoe.h"

#include <stdio.h>
#include <string.h>

enum { VOCABULARY = 9 };
static const char alphabet[] = "\n abcdef\xc3"; // the last one is no character
static const char alphabet_json[] = "[10, 32, 97, 98, 99, 100, 101, 102, 195]";

static void ok(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

static void refuses(sigmoe_status status, const char *sentence) {
    assert_int_equal(status, SIGMOE_BAD_ARGUMENT);
    if (!strstr(sigmoe_message(), sentence)) fail_msg("\"%s\" is not in: %s", sentence, sigmoe_message());
}

static const char *const blocks[] = {
    "{\"type\": \"dense\", \"d_ff\": 40}",
    "{\"type\": \"topk\", \"d_ff\": 40, \"k\": 6}",
    "{\"type\": \"pkm\", \"n_heads\": 2, \"n_subkeys\": 5, \"knn\": 3, \"activation\": \"relu\"}",
    "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 8, \"k\": 2, \"router\": \"sigmoid\", "
    "\"regularizer\": \"none\"}",
    "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 8, \"k\": 2, \"router\": \"hash\", "
    "\"regularizer\": \"none\"}",
    "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 8, \"k\": 2, \"router\": \"random\", "
    "\"regularizer\": \"none\"}",
    "{\"type\": \"moe\", \"n_experts\": 5, \"expert_size\": 8, \"k\": 2, \"router\": \"sinkhorn\", "
    "\"regularizer\": \"none\"}",
};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

static sigmoe_model *make_model(const char *ff, const char *tokenizer, int threads) {
    char text[1000];
    sigmoe_config *config;
    sigmoe_model *model;
    snprintf(text, sizeof text,
        "{\"model_type\": \"sigmoe\", \"version\": 1, \"vocab_size\": %d, \"d_model\": 16, \"n_layers\": 2, "
        "\"n_heads\": 2, \"d_head\": 8, \"dropout\": 0.1, \"unroll\": 7, \"memory_segments\": {\"train\": 1, "
        "\"eval\": 2}, "
        "\"tokenizer\": %s, \"ff\": %s}",
        VOCABULARY, tokenizer, ff);
    ok(sigmoe_config_from_json(text, &config));
    ok(sigmoe_model_create(config, 4, threads, &model));
    sigmoe_config_free(config);
    return model;
}

static sigmoe_model *bytes_model(const char *ff, int threads) {
    char tokenizer[200];
    snprintf(tokenizer, sizeof tokenizer, "{\"type\": \"bytes\", \"alphabet\": %s}", alphabet_json);
    return make_model(ff, tokenizer, threads);
}
