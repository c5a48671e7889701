/* sigmoe: feedforward blocks and their approximations (dense, Top-K, product-key memories, mixtures of experts) in
 * Transformer-XL language models, trained and compared at equal parameters. After Csordás, Irie, Schmidhuber,
 * "Approximating Two-Layer Feedforward Networks for Efficient Transformers" (arXiv 2310.10837).
 *
 * Conventions. Every fallible function returns sigmoe_status; on failure sigmoe_message() is one sentence for a person.
 * Objects are opaque and belong to who created them; *_free accepts NULL. `const char *` arguments are borrowed for the
 * call. Different objects may be used from different threads; one object from one thread at a time. Losses are in nats.
 * Request structs are set up with their *_defaults function first, so that fields added later keep a meaning.
 *
 *   Chapter 1  status, version, processor     Chapter 4  data
 *   Chapter 2  configurations and presets     Chapter 5  training, evaluation, forward
 *   Chapter 3  models                         Chapter 6  comparison            Chapter 7  benchmarks */
#ifndef SIGMOE_H
#define SIGMOE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGMOE_API __attribute__((visibility("default")))

/* ---------------------------------------------------------------- Chapter 1: status, version, processor */

typedef enum sigmoe_status {
    SIGMOE_OK = 0,
    SIGMOE_BAD_ARGUMENT, /* the caller's values make no sense (a program reports it as wrong usage, exit 2) */
    SIGMOE_BAD_FORMAT,   /* a file's contents are wrong */
    SIGMOE_IO,           /* the system refused: missing file, full disk, no permission, no network */
    SIGMOE_NO_MEMORY,
    SIGMOE_NOT_FINITE,  /* a loss, gradient or weight is NaN or infinite */
    SIGMOE_INTERRUPTED, /* the stop flag was raised; what could be saved is saved */
} sigmoe_status;

/* The sentence of this thread's last failure; valid until the next one in this thread. */
SIGMOE_API const char *sigmoe_message(void);
SIGMOE_API const char *sigmoe_version(void); /* "0.1.0" */

/* Once per process, before anything else: reads the processor's features and SIGMOE_CPU (scalar, avx2, avx512,
 * avx512bf16, amx: use no more than that). Fails on an unknown or unavailable name. */
SIGMOE_API sigmoe_status sigmoe_initialize(void);
SIGMOE_API const char *sigmoe_cpu_name(void); /* the level in use, "avx512" */
/* The kernel chosen for each operation. False when `index` is past the end. Strings are constants. */
SIGMOE_API bool sigmoe_cpu_kernel(int index, const char **operation, const char **implementation);

/* What long work tells its caller. Every field is for a person's eyes; numbers that are not known are NaN. */
typedef struct sigmoe_progress {
    const char *task;   /* "train sigma-moe, seed 1", "download enwik8.zip" */
    const char *unit;   /* what done and total count: "steps", "bytes", "tokens" */
    double done, total; /* total NaN: unknown */
    double rate;        /* units a second, lately */
    double seconds_left;
    double loss;            /* nats per token of the last step */
    double score;           /* bits per character or perplexity, as score_name says */
    const char *score_name; /* "bpc", "ppl", or NULL */
    double tokens_per_second;
    double fraction_of_peak; /* of the processor's measured FMA peak */
    bool finished;           /* the last call for this task */
} sigmoe_progress;

typedef struct sigmoe_observer {
    void (*progress)(void *context, const sigmoe_progress *progress); /* NULL: silent */
    void (*note)(
        void *context, const char *line); /* things worth a line: a checkpoint written; NULL: silent */
    void *context;
    const volatile int *stop; /* nonzero: save and return SIGMOE_INTERRUPTED; NULL: never */
    int threads;              /* 0: what affinity and cgroup allow */
} sigmoe_observer;

/* ---------------------------------------------------------------- Chapter 2: configurations and presets */

typedef struct sigmoe_config sigmoe_config; /* a model's configuration and, from presets, how to train it */

typedef struct sigmoe_train_settings {
    int64_t batch; /* sequences B */
    int64_t steps;
    double lr;           /* peak learning rate of Adam */
    double clip;         /* gradient-norm clip; 0: none */
    int64_t warmup;      /* steps */
    double weight_decay; /* decoupled */
    uint64_t seed;
    int64_t checkpoint_every; /* steps; 0: at the end (and on interruption) only */
    int64_t valid_every;      /* steps between validations; 0: never */
    int64_t valid_tokens;     /* validate on this many tokens from the split's start; 0: all */
} sigmoe_train_settings;

SIGMOE_API sigmoe_status sigmoe_config_from_preset(const char *name, sigmoe_config **out);
SIGMOE_API sigmoe_status sigmoe_config_from_file(const char *path, sigmoe_config **out); /* config.json */
SIGMOE_API void sigmoe_config_free(sigmoe_config *config);
/* key is a path as in config.json: "d_model", "ff.k", "memory_segments.eval"; value as JSON would write it. Changing
 * "ff.type" sets that variant's defaults, the required keys then must follow. Checked as a whole by the first use. */
SIGMOE_API sigmoe_status sigmoe_config_set(sigmoe_config *config, const char *key, const char *value);
/* All values consistent (K <= N_E and the like); the sentence names the key. */
SIGMOE_API sigmoe_status sigmoe_config_check(const sigmoe_config *config);
/* JSON text, owned by the config, valid until it changes. */
SIGMOE_API sigmoe_status sigmoe_config_json(sigmoe_config *config, const char **json);
SIGMOE_API void sigmoe_config_settings(const sigmoe_config *config, sigmoe_train_settings *settings);

typedef struct sigmoe_preset {
    const char *name;    /* "wt-s-moe" */
    const char *summary; /* "σ-MoE, 47 M parameters, WikiText-103" */
    const char *data;    /* data set it is meant for: "wikitext103" */
    double published;    /* the paper's score, NaN where it has none */
    const char *source;  /* "Tab. 3" */
} sigmoe_preset;
SIGMOE_API int sigmoe_preset_count(void);
SIGMOE_API sigmoe_status sigmoe_preset_at(int index, sigmoe_preset *preset);

/* One option of config.json, for help texts: key path, range or choices, default, meaning, as readable text. False when
 * `index` is past the end. */
typedef struct sigmoe_option {
    const char *key;     /* "ff.k" */
    const char *applies; /* "moe", or "" for every model */
    const char *values;  /* "1..65536", "sigmoid|softmax|...": valid until the next call in this thread */
    const char *preset;  /* default as text, "required" */
    const char *help;
} sigmoe_option;
SIGMOE_API bool sigmoe_option_at(int index, sigmoe_option *option);

/* What a configuration costs. */
typedef struct sigmoe_summary {
    int64_t parameters;
    int64_t ff_parameters;
    double ff_multiply_adds; /* per token and layer, router apart */
    double ff_flops_share; /* ff_multiply_adds over those of a dense block with the same number of channels */
    double flops_per_token; /* training step, forward and backward, all parts */
    double train_bytes;     /* estimate: parameters, gradients, moments, activations at the settings' batch */
    double parameter_bytes, optimizer_bytes, activation_bytes; /* its parts */
} sigmoe_summary;
SIGMOE_API sigmoe_status sigmoe_config_summary(const sigmoe_config *config, sigmoe_summary *summary);
/* Tensor by tensor. False when `index` is past the end. Strings live as long as the config and until it changes. */
typedef struct sigmoe_tensor_info {
    const char *name;
    int dims;
    int64_t shape[4];
    const char *init; /* "normal, std 0.0172" */
} sigmoe_tensor_info;
SIGMOE_API bool sigmoe_config_tensor(sigmoe_config *config, int index, sigmoe_tensor_info *tensor);

/* ---------------------------------------------------------------- Chapter 3: models */

typedef struct sigmoe_model sigmoe_model;

SIGMOE_API sigmoe_status sigmoe_model_create(
    const sigmoe_config *config, uint64_t seed, int threads, sigmoe_model **out);
SIGMOE_API sigmoe_status sigmoe_model_load(const char *directory, int threads, sigmoe_model **out);
SIGMOE_API sigmoe_status sigmoe_model_save(
    const sigmoe_model *model, const char *directory); /* must not exist */
SIGMOE_API void sigmoe_model_free(sigmoe_model *model);
/* tokens [batch, length] -> logits [batch, length, V], written to the caller's buffer. Memory of earlier calls is carried
 * until sigmoe_model_reset; the batch may change only there. */
SIGMOE_API sigmoe_status sigmoe_model_logits(
    sigmoe_model *model, const int32_t *tokens, int64_t batch, int64_t length, float *logits);
SIGMOE_API void sigmoe_model_reset(sigmoe_model *model);

/* ---------------------------------------------------------------- Chapter 4: data */

typedef struct sigmoe_prepare_request {
    const char *kind; /* "text", "enwik8", "gcide", "wikitext103", "c4", "pes2o" */
    /* Files or URLs (enwik8: at most one; gcide: at most one .deb or .dict.dz; wikitext103: at most one archive or
     * directory); all kinds but text are downloaded when there is none. */
    const char *const *inputs;
    int input_count;
    const char *out; /* directory to make; must not exist unless force */
    bool force;
    const char *tokenizer; /* "bytes", "sentencepiece"; NULL: the kind's */
    int64_t vocab_size;    /* of sentencepiece; 0: 8000. Less where the text does not give so many pieces */
    /* c4 and pes2o: how many shards to use of each, from the first on; 0: all. Shards are for validation by "valid" in
     * their names; where none has it, the last ones are: valid_shards of them, or one. */
    int64_t train_shards, valid_shards;
} sigmoe_prepare_request;
/* The tokens do not depend on observer->threads. */
SIGMOE_API sigmoe_status sigmoe_prepare(
    const sigmoe_prepare_request *request, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 5: training, evaluation, forward */

typedef struct sigmoe_train_request {
    const sigmoe_config *config; /* fresh weights from this ... */
    const char *init; /* ... or start from this model directory (one of the two; neither on resume) */
    const char *const *overrides; /* "key=value", applied to init's configuration too */
    int override_count;
    const char *data;
    const char *out;
    int64_t unroll; /* 0: the configuration's */
    sigmoe_train_settings settings;
    bool resume; /* go on with the newest checkpoint of `out`; everything else comes from there */
    bool force;  /* replace an existing `out` */
} sigmoe_train_request;
SIGMOE_API void sigmoe_train_defaults(sigmoe_train_request *request);

typedef struct sigmoe_train_result {
    int64_t steps;
    double loss; /* of the last step */
    double tokens_per_second;
    double seconds;
    const char *checkpoint; /* newest one; static storage of the thread */
} sigmoe_train_result;
SIGMOE_API sigmoe_status sigmoe_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result);

typedef struct sigmoe_eval_request {
    const char *model; /* a model directory, or a RUN: its newest checkpoint */
    const char *data;
    const char *split;       /* "valid", "test", "train" */
    int64_t batch;           /* streams; default 4 */
    int64_t memory_segments; /* -1: the configuration's eval value */
    int64_t limit_tokens;    /* 0: the whole split */
} sigmoe_eval_request;
SIGMOE_API void sigmoe_eval_defaults(sigmoe_eval_request *request);
/* Scores are NaN where the raw sizes of the split are not known. */
typedef struct sigmoe_scores {
    int64_t tokens; /* scored */
    double nats_per_token, perplexity, bits_per_token;
    double bits_per_char, bits_per_byte, word_perplexity;
} sigmoe_scores;
SIGMOE_API sigmoe_status sigmoe_evaluate(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores);

typedef struct sigmoe_forward_request {
    const char *model;
    const char *tokens;      /* .npy, int32 [B, n + 1] */
    const char *out;         /* .safetensors */
    int64_t unroll;          /* 0: the configuration's */
    int64_t memory_segments; /* -1: eval's value, train's with training */
    bool training, grad;
    uint64_t seed;
} sigmoe_forward_request;
SIGMOE_API void sigmoe_forward_defaults(sigmoe_forward_request *request);
SIGMOE_API sigmoe_status sigmoe_forward(
    const sigmoe_forward_request *request, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 6: comparison */

typedef struct sigmoe_compare_request {
    const char *data, *out;
    const sigmoe_config *base;   /* a configuration whose FF is σ-MoE */
    const char *base_name;       /* as the user called it, for the report */
    const char *const *variants; /* "topk:k=64"; names from sigmoe_variant_at */
    int variant_count;
    int seeds; /* seeds are settings.seed, settings.seed + 1, ... */
    sigmoe_train_settings settings;
    int64_t test_tokens; /* score the final models on this many tokens of each split; 0: all */
    bool resume;         /* go on in `out`; finished runs are not trained again */
    bool force;
} sigmoe_compare_request;
SIGMOE_API void sigmoe_compare_defaults(const sigmoe_config *base, sigmoe_compare_request *request);
/* Ends with table.txt, table.csv, table.json and report.html in `out`; *table is the text, owned by the library until
 * the thread's next call. */
SIGMOE_API sigmoe_status sigmoe_compare(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, const char **table);
typedef struct sigmoe_variant {
    const char *name;    /* "switch" */
    const char *summary; /* "softmax router, K=1, experts of size G·4" */
} sigmoe_variant;
SIGMOE_API bool sigmoe_variant_at(int index, sigmoe_variant *variant);

/* ---------------------------------------------------------------- Chapter 7: benchmarks */

typedef struct sigmoe_bench_layer_request {
    int64_t d_model, experts, expert_size, k, tokens;
    int threads;
    int repetitions;
} sigmoe_bench_layer_request;
SIGMOE_API void sigmoe_bench_layer_defaults(sigmoe_bench_layer_request *request);
/* Medians, milliseconds. The dense layer has d_ff = experts · expert_size; ratio = total over dense total. flops are the
 * experts' alone (2 a multiply-add), time includes the routing. */
typedef struct sigmoe_bench_layer_result {
    double forward_ms, backward_ms, total_ms, gflops;
    double dense_total_ms, dense_gflops, ratio_to_dense;
    double peak_gflops, fraction_of_peak, peak_bytes;
    const char *isa;
} sigmoe_bench_layer_result;
SIGMOE_API sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result);

typedef struct sigmoe_bench_step_result {
    double tokens_per_s, model_flops_per_token, fraction_of_peak, peak_rss_bytes;
    const char *isa;
} sigmoe_bench_step_result;
SIGMOE_API sigmoe_status sigmoe_bench_step(
    const sigmoe_config *config, int64_t batch, int64_t steps, int threads, sigmoe_bench_step_result *result);

#ifdef __cplusplus
}
#endif

#endif
