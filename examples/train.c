/* Trains a small σ-MoE language model from C and scores it. Reads the text file that is named, or else a text of its own; writes
 * example-text, example-data and example-run in the working directory, and replaces what an earlier call made there. Against an
 * installed library:
 *   cc examples/train.c $(pkg-config --cflags --libs sigmoe) */
#include <sigmoe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 60 };

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
    fprintf(stderr, "\r%s %.0f/%.0f %s ", progress->task, progress->done, progress->total, progress->unit);
    if (!isnan(progress->loss)) fprintf(stderr, "loss %.3f ", progress->loss); /* a validation has none yet */
    if (progress->finished) fputc('\n', stderr);
}

static void train(const char *data, const char *out) {
    sigmoe_config *config;
    sigmoe_summary summary;
    sigmoe_train_request request;
    sigmoe_train_result result;
    sigmoe_observer observer;
    check(sigmoe_config_from_preset("demo", &config));
    check(sigmoe_config_set(config, "ff.k", "2")); /* any key of config.json */
    check(sigmoe_config_summary(config, 0, SIGMOE_RECOMPUTE_NONE, SIGMOE_F32, &summary));
    printf("%lld parameters; the experts take %.0f %% of a dense block's multiply-adds\n",
        (long long)summary.parameters, 100 * summary.ff_flops_share);
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

int main(int argc, char **argv) {
    prepare(argc > 1 ? argv[1] : write_text("example-text"), "example-data");
    train("example-data", "example-run");
    score("example-run", "example-data");
    return 0;
}
