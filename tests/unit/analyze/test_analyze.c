// Analysis: texts that a page can bear, labels, and the files that come out.
#include "train/fixture.h"

#include "analyze/layer_summary.h"
#include "analyze/measure.h"

static void assert_visible(const char *bytes, size_t size, const char *expected) {
    arena *a;
    const char *text;
    OK(arena_create("test", &a));
    OK(visible_text(a, bytes, size, &text));
    assert_string_equal(text, expected);
    arena_destroy(a);
}

static void makes_any_bytes_visible(void **state) {
    (void)state;
#define SEEN(bytes, expected) assert_visible(bytes, sizeof bytes - 1, expected)
    SEEN("", "");
    SEEN("plain <b>&\"'", "plain <b>&\"'");
    SEEN("a\nb\tc", "a↵b⇥c");
    SEEN("\0\x1b[31m\x7f", "\\x00\\x1b[31m\\x7f");
    SEEN("é€😀", "é€😀");
    SEEN("\xe2\x80\xae", "\\u{202e}");                      // right to left, from here on
    SEEN("\xef\xbb\xbf\xe2\x80\x8b", "\\u{feff}\\u{200b}"); // widths of nothing
    SEEN("\xc2\x85", "\\u{85}");
    SEEN("\xff\xfe", "\\xff\\xfe");
    SEEN("\xc3", "\\xc3");            // cut
    SEEN("\xe2\x82<", "\\xe2\\x82<"); // cut by what must stay itself
    SEEN("\xc0\xaf", "\\xc0\\xaf");   // overlong
    SEEN("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    SEEN("\xed\xa0\x80", "\\xed\\xa0\\x80");          // half of a surrogate pair
    SEEN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); // beyond Unicode
#undef SEEN
}

static void reads_tokens_without_a_text_as_numbers(void **state) {
    (void)state;
    tokenizer none = {.type = TOKENIZER_NONE},
              bytes = {.type = TOKENIZER_BYTES, .alphabet_size = 2, .alphabet = {'<', 0xff}};
    token_reader reader;
    arena *a;
    const char *text;
    OK(arena_create("test", &a));
    OK(token_reader_open(&none, &reader));
    OK(token_text(&reader, a, (const int32_t[]){3, 17}, 2, &text));
    assert_string_equal(text, "#3 #17 ");
    token_reader_close(&reader);
    OK(token_reader_open(&bytes, &reader));
    OK(token_text(&reader, a, (const int32_t[]){0, 1, 2, -1}, 4, &text));
    assert_string_equal(text, "<\\xff#2 #-1 ");
    token_reader_close(&reader);
    arena_destroy(a);
}

static void labels_are_distinct_and_harmless(void **state) {
    (void)state;
    const char *const paths[] = {"out/a b'$(x)", "s/moe/", "t/moe", "t/moe", "/", ".hidden", "é\n", "out/-o",
        "q/p-m-12", "p/m", "r/p/m", "p/m", "p/m", "out/wt-s-moe-sigmoid-entropy-k4-g128-ne16-seed1-lr2."};
    sigmoe_analyze_request request = {.models = paths, .model_count = sizeof paths / sizeof *paths};
    analysis a = {.request = &request};
    OK(arena_create("test", &a.arena));
    OK(analysis_label(&a));
    const char *const expected[] = {"a_b___x_", "moe", "t-moe", "t-moe-4", "model", "_hidden", "___", "_o",
        "p-m-12", "m", "p-m", "p-m-13", "p-m-14", "_sigmoid-entropy-k4-g128-ne16-seed1-lr2."};
    for (int i = 0; i < a.count; i++) assert_string_equal(a.models[i].label, expected[i]);
    arena_destroy(a.arena);
}

static void a_layer_is_summarized(void **state) {
    (void)state;
    int64_t fired[] = {4, 0, 1, 0}, chosen[] = {4, 0};
    double weight[] = {2, 0};
    ff_layer_statistics layer = {.tokens = 4,
        .active = 6,
        .active_squares = 10,
        .fired = fired,
        .weight = weight,
        .chosen = chosen,
        .token_entropy = 2};
    ff_statistics s = {.layers = 1, .channels = 4, .experts = 2, .has_logits = true, .layer = &layer};
    layer_summary got = summarize_layer(&s, 0);
    assert_near(got.active, 1.5, 1e-12);
    assert_near(got.deviation, 0.5, 1e-12);
    assert_int_equal(got.dead_channels, 2);
    assert_int_equal(got.dead_experts, 1);
    assert_near(got.usage_entropy, 0, 1e-12);
    assert_near(got.token_entropy, 0.5, 1e-12);
    assert_near(got.largest_share, 1, 1e-12);
    weight[1] = 2;
    assert_near(summarize_layer(&s, 0).usage_entropy, 1, 1e-12);
    s.has_logits = false;
    assert_true(isnan(summarize_layer(&s, 0).token_entropy));
    s.experts = 0;
    got = summarize_layer(&s, 0);
    assert_int_equal(got.experts, -1);
    assert_true(isnan(got.usage_entropy));
}

static const char *save_model(const char *name, const char *ff) {
    sigmoe_config config = make_config(ff);
    sigmoe_model *model;
    OK(sigmoe_model_create(&config, 1, 1, &model));
    OK(sigmoe_model_save(model, in_root(name)));
    sigmoe_model_free(model);
    return in_root(name);
}

// The score is the evaluation's, and what was counted is every scored token once.
static void counts_what_is_scored(void **state) {
    (void)state;
    const char *const models[] = {save_model("one", MOE), save_model("two", DENSE)};
    char data[PATH_CAPACITY], out[PATH_CAPACITY];
    snprintf(data, sizeof data, "%s", in_root("data"));
    snprintf(out, sizeof out, "%s", in_root("analysis"));
    sigmoe_analyze_request r;
    sigmoe_analyze_defaults(&r);
    r.models = models;
    r.model_count = 2;
    r.data = data;
    r.out = out;
    r.batch = 2;
    char *summary;
    OK(sigmoe_analyze(&r, NULL, &summary));
    assert_non_null(strstr(summary, "one: 38 tokens"));
    char *layers = read_text(in_root("analysis/layers.csv"));
    assert_non_null(strstr(layers, "one,0,38,12,"));
    assert_non_null(strstr(layers, "two,1,38,12,"));
    free(layers);

    sigmoe_eval_request e;
    sigmoe_scores scores;
    char line[64];
    sigmoe_eval_defaults(&e);
    e.model = models[0];
    e.data = data;
    e.split = "valid";
    e.batch = 2;
    OK(sigmoe_evaluate(&e, NULL, &scores));
    snprintf(line, sizeof line, "one: 38 tokens, %.4f nats", scores.nats_per_token);
    assert_non_null(strstr(summary, line));
    sigmoe_free(summary);

    FAILS(SIGMOE_BAD_ARGUMENT, sigmoe_analyze(&r, NULL, &summary)); // it is there
    assert_message_has("exists");
    assert_null(summary);
    r.force = true;
    r.limit_tokens = 8;
    OK(sigmoe_analyze(&r, NULL, &summary));
    assert_non_null(strstr(summary, "one: 8 tokens"));
    sigmoe_free(summary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_any_bytes_visible),
        cmocka_unit_test(reads_tokens_without_a_text_as_numbers),
        cmocka_unit_test(labels_are_distinct_and_harmless),
        cmocka_unit_test(a_layer_is_summarized),
        cmocka_unit_test(counts_what_is_scored),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
