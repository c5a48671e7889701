/* Trains a small σ-MoE language model from C, scores it, and asks it for the next character. Reads the text file that is named, or
 * else text of its own; writes example-text, example-data and example-run in the working directory, and replaces what an
 * earlier call made there. Against an installed library:
 *   cc examples/train.c $(pkg-config --cflags --libs sigmoe) */
#include <sigmoe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 60, BYTES = 256 };

static void check(sigmoe_status status) {
    if (status == SIGMOE_OK) return;
    fprintf(stderr, "train: %s\n", sigmoe_message());
    exit(1);
}

/* A text that can be learned in seconds: sums, all of them right. */
static const char *write_text(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(1);
    }
    for (unsigned i = 0; i < 20000; i++) {
        unsigned a = i * 7919 % 10, b = i * 104729 / 10 % 10;
        fprintf(file, "%u+%u=%u\n", a, b, a + b);
    }
    fclose(file);
    return path;
}

static void prepare(const char *text, const char *out) {
    sigmoe_prepare_request request;
    sigmoe_prepare_defaults(&request);
    request.kind = "text";
    request.inputs = &text;
    request.input_count = 1;
    request.out = out;
    request.force = true;
    check(sigmoe_prepare(&request, NULL));
}

/* Called several times a second. */
static void show(void *context, const sigmoe_progress *progress) {
    (void)context;
    fprintf(stderr, "\r%s %.0f/%.0f %s, loss %.3f ", progress->task, progress->done, progress->total,
        progress->unit, progress->loss);
    if (progress->finished) fputc('\n', stderr);
}

static void train(const char *data, const char *out) {
    sigmoe_config *config;
    sigmoe_train_request request;
    sigmoe_train_result result;
    sigmoe_observer observer;
    check(sigmoe_config_from_preset("demo", &config));
    check(sigmoe_config_set(config, "ff.k", "2")); /* any key of config.json */
    sigmoe_train_defaults(&request);
    sigmoe_config_settings(config, &request.settings);
    request.config = config;
    request.data = data;
    request.out = out;
    request.force = true;
    request.settings.steps = STEPS;
    request.settings.batch = 8;
    sigmoe_observer_defaults(&observer);
    observer.progress = show;
    check(sigmoe_train(&request, &observer, &result));
    printf("trained %lld steps, %.0f tokens/s: %s\n", (long long)result.steps, result.tokens_per_second,
        result.checkpoint);
    sigmoe_free(result.checkpoint);
    sigmoe_config_free(config);
}

static void score(const char *run, const char *data) {
    sigmoe_eval_request request;
    sigmoe_scores scores;
    sigmoe_eval_defaults(&request);
    request.model = run;
    request.data = data;
    check(sigmoe_evaluate(&request, NULL, &scores));
    printf("test: %.3f bits per character\n", scores.bits_per_char);
}

/* The model's tokens are bytes here, so a text is its own tokens, and each logit is a byte's. */
static void complete(const char *run, const char *prompt) {
    sigmoe_model *model;
    int32_t tokens[64];
    int length = (int)strlen(prompt), best = 0;
    float *logits = malloc((size_t)length * BYTES * sizeof *logits); /* [1, length, 256] */
    if (!logits || length > 64) exit(1);
    for (int i = 0; i < length; i++) tokens[i] = (unsigned char)prompt[i];
    check(sigmoe_model_load(run, 0, &model));
    check(sigmoe_model_logits(model, tokens, 1, length, logits));
    const float *last = logits + (size_t)(length - 1) * BYTES;
    for (int i = 1; i < BYTES; i++)
        if (last[i] > last[best]) best = i;
    printf("after \"%s\" comes most likely '%c'\n", prompt, best);
    sigmoe_model_free(model);
    free(logits);
}

int main(int argc, char **argv) {
    prepare(argc > 1 ? argv[1] : write_text("example-text"), "example-data");
    train("example-data", "example-run");
    score("example-run", "example-data");
    complete("example-run", "3+4");
    return 0;
}
