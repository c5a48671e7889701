/* sigmoe: feedforward blocks and their approximations (dense, Top-K, product-key memories, mixtures of experts) in
 * Transformer-XL language models, trained and compared at equal parameters. After Csordás, Irie, Schmidhuber,
 * "Approximating Two-Layer Feedforward Networks for Efficient Transformers" (arXiv 2310.10837).
 *
 * Conventions. Every fallible function returns sigmoe_status; on failure sigmoe_message() is one sentence for a person. Where
 * it names members of a request, or functions, they stand in backquotes: `resume` goes on from here.
 * Objects are opaque and belong to who created them; *_free accepts NULL. `const char *` arguments are borrowed for the
 * call. Strings that the library gives out as `const char *` are constants; the exceptions are sigmoe_message's, what
 * callbacks get (valid in the call), and those that a configuration owns (until it changes or is freed). Texts that are made
 * for the caller are `char *`: they are the caller's, to be freed with sigmoe_free, and NULL where a call made none.
 *
 * Threads. All functions may be called from several threads at once, with different objects and different output directories;
 * one object is for one thread at a time. Several models, and several trainings, in several threads compute what each does
 * alone, to the bit. The exceptions, sigmoe_pin_threads and sigmoe_sweep with several jobs, say so.
 *
 * Units. Losses are in nats, times in seconds unless a name says ms, sizes in bytes, tensors row by row ([rows, columns]).
 *
 * Errors. Whatever takes a request may fail with SIGMOE_BAD_ARGUMENT (its values), SIGMOE_NO_MEMORY, SIGMOE_IO and
 * SIGMOE_BAD_FORMAT (files that it reads), and, where it takes an observer, with SIGMOE_INTERRUPTED. On failure outputs hold
 * nothing of use unless their comment says so, and need not be freed; a directory that a call was to make is not there, except
 * that of a training, comparison or sweep, which `resume` goes on with.
 *
 * Growth. Requests and observers, which the caller fills in, begin with their size. Their *_defaults function sets it and
 * everything else; it comes first. The library never touches more than that size: where its header is newer than the caller's,
 * the members that the caller's lacks count as 0, which always means what was before them; where it is older, members that it
 * does not know must be 0. All other structs, those embedded in requests included, keep their layout until the library's
 * SOVERSION changes. (*_defaults_sized is for languages that cannot call inline functions: `size` is the struct's.)
 *
 *   Chapter 1  status, version, processor     Chapter 4  data
 *   Chapter 2  configurations and presets     Chapter 5  training, evaluation, forward
 *   Chapter 3  models                         Chapter 6  comparisons, sweeps
 *   Chapter 7  analysis                       Chapter 8  benchmarks */
#ifndef SIGMOE_H
#define SIGMOE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGMOE_API __attribute__((visibility("default")))

/* Of this header; sigmoe_version() is the library's, which may be another. */
#define SIGMOE_VERSION_MAJOR 0
#define SIGMOE_VERSION_MINOR 2
#define SIGMOE_VERSION_PATCH 0

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

/* The sentence of this thread's last failure, "" before the first; valid until the next one in this thread. Successful calls
 * may change it, too: read it right after the failure. */
SIGMOE_API const char *sigmoe_message(void);
/* The known name nearest to `name`, for "did you mean"; the first of equals. NULL where none is near: a name is, of which at
 * most about a third is other letters (capitals, - and _ make no difference, a swap is one), or that begins with `name`. */
SIGMOE_API const char *sigmoe_nearest(const char *name, const char *const *known, int count);
SIGMOE_API const char *sigmoe_version(void); /* "0.2.0" */

/* Frees a text that the library made for the caller. */
SIGMOE_API void sigmoe_free(char *text);

/* Reads the processor's features and the environment's SIGMOE_CPU (scalar, avx2, avx512, avx512bf16, amx: use no more than
 * that). Whatever needs them does so by itself, once per process, so nobody has to call this; calling it first shows early that
 * SIGMOE_CPU has an unknown or unavailable name (SIGMOE_BAD_ARGUMENT), which every call that computes refuses. */
SIGMOE_API sigmoe_status sigmoe_initialize(void);
/* The level in use, "avx512"; where SIGMOE_CPU is wrong, the processor's. */
SIGMOE_API const char *sigmoe_cpu_name(void);
/* The kernel chosen for each operation; both strings are constants. False when `index` is past the end. */
SIGMOE_API bool sigmoe_cpu_kernel(int index, const char **operation, const char **implementation);

/* Binds each thread of later work, the calling one included, to a processor of its own among those that the process may use
 * now, the first of them first; runs of a sweep that are trained at the same time get different ones. Other processes know
 * nothing of that: give each processors of its own (taskset, cpusets). For the whole process, from when no other thread uses
 * the library; there is no way back. */
SIGMOE_API void sigmoe_pin_threads(void);

/* What long work tells its caller, a few times a second. Every field is for a person's eyes; numbers that are not known are
 * NaN; strings are valid in the call. */
typedef struct sigmoe_progress {
    const char *task;   /* "train sigma-moe, seed 1", "download enwik8.zip" */
    const char *unit;   /* what done and total count: "steps", "bytes", "tokens" */
    double done, total; /* total NaN: unknown */
    double rate;        /* units a second, lately */
    double seconds_left;
    double all_seconds_left; /* of a comparison or sweep: until its last run ends; 0: unknown */
    double loss;             /* nats per token of the last step */
    double score;            /* bits per character or perplexity, as score_name says */
    const char *score_name;  /* "bpc", "bpb", "ppl", or NULL */
    double tokens_per_second;
    double fraction_of_peak; /* of the processor's measured FMA peak */
    bool finished;           /* the last call for this task */
} sigmoe_progress;

/* A number that a signal handler or another thread changes while work reads it: a lock-free C11 atomic, 0 at first. C assigns
 * to it; C++, whose atomics are other types, has the functions, which signal handlers may call, too. */
#ifdef __cplusplus
typedef struct sigmoe_flag {
    int value;
} sigmoe_flag;
#else
typedef _Atomic int sigmoe_flag;
#endif
SIGMOE_API void sigmoe_flag_set(sigmoe_flag *flag, int value);
SIGMOE_API int sigmoe_flag_get(const sigmoe_flag *flag);
SIGMOE_API void sigmoe_flag_increment(sigmoe_flag *flag);

/* Who watches long work, and may stop it. Every function that takes one takes NULL: silent, not to be stopped, all threads.
 * The callbacks are called by the calling thread (sigmoe_sweep says where else), in the middle of the work, and must not use
 * the objects that it uses. */
typedef struct sigmoe_observer {
    size_t size;                                                      /* set by the defaults */
    void (*progress)(void *context, const sigmoe_progress *progress); /* NULL: silent */
    void (*note)(
        void *context, const char *line); /* things worth a line: a checkpoint written; NULL: silent */
    void *context;
    const sigmoe_flag *stop; /* nonzero: save and return SIGMOE_INTERRUPTED; NULL: never */
    int threads;             /* 0: what affinity and cgroup allow */
    /* Whenever the value has changed, as a counter's does: training saves a checkpoint, after the step that it is in, and
     * goes on; other work takes no notice. NULL: never. */
    const sigmoe_flag *save;
} sigmoe_observer;
SIGMOE_API void sigmoe_observer_defaults_sized(sigmoe_observer *observer, size_t size);
static inline void sigmoe_observer_defaults(sigmoe_observer *observer) {
    sigmoe_observer_defaults_sized(observer, sizeof *observer);
}

/* ---------------------------------------------------------------- Chapter 2: configurations and presets */

typedef struct sigmoe_config sigmoe_config; /* a model's configuration and, from presets, how to train it */

/* How the operands of matrix products are stored. SIGMOE_BF16 is mixed precision: weights, activations and their gradients are
 * rounded to bfloat16 where they enter products; sums, softmax, norms, loss, the weights themselves and Adam stay f32. */
typedef enum sigmoe_dtype { SIGMOE_F32, SIGMOE_BF16 } sigmoe_dtype;

typedef struct sigmoe_train_settings {
    int64_t batch; /* sequences B */
    int64_t steps;
    double lr;           /* peak learning rate of Adam */
    double clip;         /* gradient-norm clip; 0: none */
    int64_t warmup;      /* steps */
    double weight_decay; /* decoupled */
    uint64_t seed;
    int64_t checkpoint_every; /* steps; 0: as the request's checkpoint_seconds say */
    /* Steps between validations, of which one more is at the end; 0: never; -1: twenty in all, each on the whole split or
     * (of a long one, where valid_tokens is 0) on a part that makes all of them a tenth of the tokens trained on. */
    int64_t valid_every;
    int64_t valid_tokens; /* validate on this many tokens from the split's start; 0: all */
    sigmoe_dtype dtype;
} sigmoe_train_settings;

/* *out is the caller's, for sigmoe_config_free. An unknown name is SIGMOE_BAD_ARGUMENT, a wrong
 * file SIGMOE_BAD_FORMAT. */
SIGMOE_API sigmoe_status sigmoe_config_from_preset(const char *name, sigmoe_config **out);
SIGMOE_API sigmoe_status sigmoe_config_from_file(const char *path, sigmoe_config **out); /* config.json */
/* The configuration of a model directory, or of a RUN: of its newest checkpoint. */
SIGMOE_API sigmoe_status sigmoe_config_from_model(const char *directory, sigmoe_config **out);
SIGMOE_API void sigmoe_config_free(sigmoe_config *config);
/* On failure (SIGMOE_BAD_ARGUMENT) nothing is changed. key is a path as in config.json: "d_model", "ff.k",
 * "memory_segments.eval"; value as JSON would write it. Changing "ff.type" sets that variant's defaults, the required keys
 * then must follow. Checked as a whole by the first use. */
SIGMOE_API sigmoe_status sigmoe_config_set(sigmoe_config *config, const char *key, const char *value);
/* All values consistent (K <= N_E and the like); the sentence names the key. */
SIGMOE_API sigmoe_status sigmoe_config_check(const sigmoe_config *config);
/* JSON text, owned by the config, valid until it changes or is freed. */
SIGMOE_API sigmoe_status sigmoe_config_json(sigmoe_config *config, const char **json);
/* How to train it: the preset's, or the library's defaults. */
SIGMOE_API void sigmoe_config_settings(const sigmoe_config *config, sigmoe_train_settings *settings);

typedef struct sigmoe_preset {
    const char *name;      /* "wt-s-moe" */
    const char *summary;   /* "σ-MoE, 47 M parameters, WikiText-103" */
    const char *base;      /* the model it is a form of: "wt-s" */
    bool code;             /* as the public code's sweep has it, where that differs from the printed paper */
    int64_t parameters;    /* with its data set's vocabulary */
    double ff_flops_share; /* FF multiply-adds over those of a dense block with the base's N_E·G channels */
    const char *data;      /* data set it is meant for: "wikitext103" */
    double published;      /* the paper's score, NaN where it has none */
    const char *source;    /* "Tab. 3" */
} sigmoe_preset;
/* The presets, from 0 on; their strings are constants. */
SIGMOE_API int sigmoe_preset_count(void);
SIGMOE_API sigmoe_status sigmoe_preset_at(int index, sigmoe_preset *preset);

/* One option of config.json, for help texts: key path, range or choices, default, meaning, as readable text. False when
 * `index` is past the end. */
typedef struct sigmoe_option {
    const char *key;     /* "ff.k" */
    const char *applies; /* "moe", or "" for every model */
    const char *values;  /* "1..65536", "sigmoid|softmax|..." */
    const char *preset;  /* default as text, "required" */
    const char *help;
} sigmoe_option;
SIGMOE_API bool sigmoe_option_at(int index, sigmoe_option *option);

/* What a backward pass computes again instead of keeping it since the forward pass. The results have the same bits. */
typedef enum sigmoe_recompute {
    SIGMOE_RECOMPUTE_NONE,
    SIGMOE_RECOMPUTE_FF,  /* the feedforward blocks' activations */
    SIGMOE_RECOMPUTE_ALL, /* everything but each layer's input */
} sigmoe_recompute;

/* What a configuration costs. */
typedef struct sigmoe_summary {
    int64_t parameters;
    int64_t ff_parameters;
    double ff_multiply_adds; /* per token and layer, router apart */
    double ff_flops_share; /* ff_multiply_adds over those of a dense block with the same number of channels */
    double flops_per_token; /* training step, forward and backward, all parts */
    double train_bytes;     /* estimate: parameters, gradients, moments, activations */
    double parameter_bytes, optimizer_bytes, activation_bytes; /* its parts */
    double
        peak_rss_bytes; /* estimate of a training process's largest resident set: these, and what the calling process
                              has without them */
} sigmoe_summary;
/* `batch` sequences in a step; 0: as the configuration's settings have it. */
SIGMOE_API sigmoe_status sigmoe_config_summary(const sigmoe_config *config, int64_t batch,
    sigmoe_recompute recompute, sigmoe_dtype dtype, sigmoe_summary *summary);
/* Tensor by tensor. False when `index` is past the end. Strings are owned by the config, valid
 * until it changes or is freed. */
typedef struct sigmoe_tensor_info {
    const char *name;
    int dims;
    int64_t shape[4];
    const char *init; /* "normal, std 0.0172" */
} sigmoe_tensor_info;
SIGMOE_API bool sigmoe_config_tensor(sigmoe_config *config, int index, sigmoe_tensor_info *tensor);

/* ---------------------------------------------------------------- Chapter 3: models */

typedef struct sigmoe_model sigmoe_model;

/* *out is the caller's, for sigmoe_model_free; the configuration is copied. Weights are drawn with `seed`. `threads` are what
 * the model computes with, 0: what affinity and cgroup allow; no bit depends on it. */
SIGMOE_API sigmoe_status sigmoe_model_create(
    const sigmoe_config *config, uint64_t seed, int threads, sigmoe_model **out);
/* `directory` is a model's, or a RUN: its newest checkpoint. */
SIGMOE_API sigmoe_status sigmoe_model_load(const char *directory, int threads, sigmoe_model **out);
SIGMOE_API sigmoe_status sigmoe_model_save(
    const sigmoe_model *model, const char *directory); /* must not exist */
SIGMOE_API void sigmoe_model_free(sigmoe_model *model);
/* tokens [batch, length], each 0 to V - 1, -> logits [batch, length, V], written to the caller's buffer: the scores of the
 * token behind each, before the softmax. Memory of earlier calls is carried until sigmoe_model_reset; the batch may change
 * only there. SIGMOE_BAD_ARGUMENT: a token, or the batch, is not as said. */
SIGMOE_API sigmoe_status sigmoe_model_logits(
    sigmoe_model *model, const int32_t *tokens, int64_t batch, int64_t length, float *logits);
SIGMOE_API void sigmoe_model_reset(sigmoe_model *model);

/* ---------------------------------------------------------------- Chapter 4: data */

typedef struct sigmoe_prepare_request {
    size_t size;      /* set by the defaults */
    const char *kind; /* "text", "enwik8", "gcide", "wikitext103", "c4", "pes2o" */
    /* Files or URLs (enwik8: at most one; gcide: at most one .deb or .dict.dz; wikitext103: at most one archive,
     * directory or URL); all kinds but text are downloaded when there is none. "-" is standard input; it and pipes are read
     * once. */
    const char *const *inputs;
    int input_count;
    const char *out; /* directory to make: absent, empty, or with force what sigmoe made */
    bool force;
    const char *tokenizer; /* "bytes", "sentencepiece"; NULL: the kind's */
    int64_t vocab_size;    /* of sentencepiece; 0: 8000. Less where the text does not give so many pieces */
    /* c4 and pes2o: how many shards to use of each, from the first on; 0: all. Shards are for validation by "valid" in
     * their names; where none has it, the last ones are: valid_shards of them, or one. */
    int64_t train_shards, valid_shards;
    bool
        raw; /* text: take the files' bytes as they are; else what is packed (gz, xz, bz2, zst, zip) is unpacked,
                          * and what is no text (UTF-16, Parquet, pictures, programs, token ids) refused */
    bool skip_bad_lines; /* c4, pes2o: count lines that hold no text instead of refusing them */
} sigmoe_prepare_request;
SIGMOE_API void sigmoe_prepare_defaults_sized(sigmoe_prepare_request *request, size_t size);
static inline void sigmoe_prepare_defaults(sigmoe_prepare_request *request) {
    sigmoe_prepare_defaults_sized(request, sizeof *request);
}
/* Makes train.bin, valid.bin, test.bin and meta.json in `out`. The tokens do not depend on observer->threads. While
 * SentencePiece trains, the stop flag is heard only in a process that has one thread, which is fork()ed for that. "gcide"
 * without an input runs apt-get where Debian's package is not installed. */
SIGMOE_API sigmoe_status sigmoe_prepare(
    const sigmoe_prepare_request *request, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 5: training, evaluation, forward */

typedef struct sigmoe_train_request {
    size_t size;                 /* set by the defaults */
    const sigmoe_config *config; /* fresh weights from this ... */
    const char *config_name; /* as the user called it, or NULL: a file, which replacing `out` must spare */
    const char *init; /* ... or start from this model directory or RUN (one of the two; neither on resume) */
    const char *const *overrides; /* "key=value", applied to init's configuration too */
    int override_count;
    const char *data; /* on resume only where the data have moved; else NULL */
    const char *out;
    int64_t unroll; /* 0: the configuration's */
    sigmoe_train_settings settings;
    bool resume;                /* go on with the newest checkpoint of `out`; all settings come from there */
    bool force;                 /* replace what sigmoe made as `out`, and nothing else */
    sigmoe_recompute recompute; /* how, not what: not part of the run, a resume may choose anew */
    /* Seconds between checkpoints by the clock, where settings.checkpoint_every is 0; 0: at the end (and on interruption)
     * only. 15 minutes by default. No bit of the training depends on it; a run keeps it when it is resumed. */
    double checkpoint_seconds;
} sigmoe_train_request;
SIGMOE_API void sigmoe_train_defaults_sized(sigmoe_train_request *request, size_t size);
static inline void sigmoe_train_defaults(sigmoe_train_request *request) {
    sigmoe_train_defaults_sized(request, sizeof *request);
}

/* Also of a training that was stopped or failed, as far as it came: `checkpoint` is to be freed then, too. */
typedef struct sigmoe_train_result {
    int64_t steps;
    double loss;              /* of the last step; NaN, like the next, when none was left to do */
    double tokens_per_second; /* of the median step */
    double seconds;
    char *checkpoint; /* the newest one, NULL: none; the caller's, for sigmoe_free */
} sigmoe_train_result;
/* Trains, and leaves metrics.jsonl, train.json and checkpoints/<step> (model directories) in `out`. result may be NULL.
 * SIGMOE_NOT_FINITE: the loss or a gradient became NaN or infinite. */
SIGMOE_API sigmoe_status sigmoe_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result);

typedef struct sigmoe_eval_request {
    size_t size;       /* set by the defaults */
    const char *model; /* a model directory, or a RUN: its newest checkpoint */
    const char *data;
    const char *split;       /* "valid", "test", "train" */
    int64_t batch;           /* streams; default 4 */
    int64_t memory_segments; /* -1: the configuration's eval value */
    int64_t limit_tokens;    /* 0: the whole split */
    /* Windows of `unroll` tokens move on by this many, which alone are scored: the rest of the window is their context,
     * besides the memory of what lies before it. 0: by whole windows. */
    int64_t stride;
    sigmoe_dtype dtype;
} sigmoe_eval_request;
SIGMOE_API void sigmoe_eval_defaults_sized(sigmoe_eval_request *request, size_t size);
static inline void sigmoe_eval_defaults(sigmoe_eval_request *request) {
    sigmoe_eval_defaults_sized(request, sizeof *request);
}
/* The last three are over the raw sizes of what was scored: of the split, or of a part of it the part's own. NaN where these
 * are not known, as those of a part where tokens are not bytes. */
typedef struct sigmoe_scores {
    int64_t tokens; /* scored */
    double nats_per_token, perplexity, bits_per_token;
    double bits_per_char, bits_per_byte, word_perplexity;
} sigmoe_scores;
/* Scores a model on a split of data that were prepared with its tokenizer. */
SIGMOE_API sigmoe_status sigmoe_evaluate(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores);

typedef struct sigmoe_forward_request {
    size_t size;             /* set by the defaults */
    const char *model;       /* as in sigmoe_eval_request */
    const char *tokens;      /* .npy, int32 [B, n + 1] */
    const char *out;         /* .safetensors */
    int64_t unroll;          /* 0: the configuration's */
    int64_t memory_segments; /* -1: eval's value, train's with training */
    bool training, grad;
    uint64_t seed;
    sigmoe_dtype dtype;
} sigmoe_forward_request;
SIGMOE_API void sigmoe_forward_defaults_sized(sigmoe_forward_request *request, size_t size);
static inline void sigmoe_forward_defaults(sigmoe_forward_request *request) {
    sigmoe_forward_defaults_sized(request, sizeof *request);
}
/* One forward pass, with `grad` a backward pass, too, whose tensors are written to `out`. */
SIGMOE_API sigmoe_status sigmoe_forward(
    const sigmoe_forward_request *request, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 6: comparisons and sweeps */

typedef struct sigmoe_compare_request {
    size_t size; /* set by the defaults */
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
    double checkpoint_seconds; /* of each run, as sigmoe_train_request's */
    const char *command;       /* what it was started as, for the report; NULL: the report leaves that out */
    /* Draw figures, with gnuplot in a process of its own. True by default; where gnuplot is missing a note says that there are
     * none, and all the rest is done. */
    bool figures;
} sigmoe_compare_request;
SIGMOE_API void sigmoe_compare_defaults_sized(
    const sigmoe_config *base, sigmoe_compare_request *request, size_t size);
static inline void sigmoe_compare_defaults(const sigmoe_config *base, sigmoe_compare_request *request) {
    sigmoe_compare_defaults_sized(base, request, sizeof *request);
}
/* settings.valid_every 0 or -1 is twenty times here. Ends with table.txt, table.csv, table.json and report.html in `out`;
 * *table is the text. Where all runs failed, their losses not being finite, the files and *table are there, and the status
 * is SIGMOE_NOT_FINITE. */
SIGMOE_API sigmoe_status sigmoe_compare(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **table);
typedef struct sigmoe_variant {
    const char *name;    /* "switch" */
    const char *summary; /* "softmax router, K=1, experts of size G·4" */
} sigmoe_variant;
SIGMOE_API bool sigmoe_variant_at(int index, sigmoe_variant *variant);

/* Sweeps: the comparisons that are the paper's tables, or a file's. What they train is smaller where overrides say so; the
 * rows, the seeds and the verdicts stay. */
typedef struct sigmoe_sweep_request {
    size_t size; /* set by the defaults */
    /* "tab10-wt-s" of sigmoe_sweep_table_at, with "@code" behind it as the public code's sweep has it; or a file that
     * ends in .json. */
    const char *table;
    const char *data, *out;
    const char *const *overrides; /* "key=value", of the base, before its rows are derived */
    int override_count;
    int seeds; /* seeds are settings.seed, settings.seed + 1, ...; a verdict needs three */
    /* valid_every 0 or -1: twenty times, each on valid_tokens or (0) a twentieth of test_tokens. */
    sigmoe_train_settings settings;
    /* Score the final models on this many tokens of each split; 0: all; -1: a tenth of what they are trained on. */
    int64_t test_tokens;
    /* Runs at a time, 1 by default. With more than one the calling process is fork()ed for each run, without an exec: a child
     * has its share of the threads, its own process group and handlers of SIGINT, SIGTERM, SIGHUP and SIGUSR1, and ends with
     * _exit(). Then no other thread of the caller's may be at work (children would wait for its locks), SIGCHLD must not be
     * ignored, and the observer's note is called in the children, its progress in the calling process. */
    int jobs;    /* 1..64 */
    bool resume; /* go on in `out`; finished runs are not trained again */
    bool force;
    double checkpoint_seconds; /* of each run, as sigmoe_train_request's */
    const char *command;       /* as sigmoe_compare_request's, like the next */
    bool figures;
} sigmoe_sweep_request;
/* Settings and seeds as the table (or file) has them; `table` is kept, what has no default is zero. */
SIGMOE_API sigmoe_status sigmoe_sweep_defaults_sized(
    const char *table, sigmoe_sweep_request *request, size_t size);
static inline sigmoe_status sigmoe_sweep_defaults(const char *table, sigmoe_sweep_request *request) {
    return sigmoe_sweep_defaults_sized(table, request, sizeof *request);
}
/* As sigmoe_compare, with claims.csv beside the tables: a verdict on each of the paper's claims about two of the rows. */
SIGMOE_API sigmoe_status sigmoe_sweep(
    const sigmoe_sweep_request *request, const sigmoe_observer *observer, char **table);
typedef struct sigmoe_sweep_table {
    const char *name;    /* "tab10-wt-s" */
    const char *summary; /* "ablations, Switch and S-BASE" */
} sigmoe_sweep_table;
SIGMOE_API bool sigmoe_sweep_table_at(int index, sigmoe_sweep_table *table);

/* ---------------------------------------------------------------- Chapter 7: analysis */

typedef struct sigmoe_analyze_request {
    size_t size;               /* set by the defaults */
    const char *const *models; /* model directories, or RUNs: the newest checkpoint, and usage.jsonl */
    int model_count;
    const char *data;
    const char *split;    /* default "valid" */
    const char *out;      /* directory to make: absent, empty, or with force what sigmoe made */
    int64_t batch;        /* streams; default 4 */
    int64_t limit_tokens; /* 0: the whole split */
    bool force;
    bool figures; /* as sigmoe_compare_request's */
} sigmoe_analyze_request;
SIGMOE_API void sigmoe_analyze_defaults_sized(sigmoe_analyze_request *request, size_t size);
static inline void sigmoe_analyze_defaults(sigmoe_analyze_request *request) {
    sigmoe_analyze_defaults_sized(request, sizeof *request);
}
/* Runs the text through every model and leaves in `out` what their feedforward blocks did: active channels, selection
 * weights, experts used together, what each expert fires on; PNG, SVG and CSV, and report.html with all of it. *summary is
 * a text for a terminal. */
SIGMOE_API sigmoe_status sigmoe_analyze(
    const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary);

/* ---------------------------------------------------------------- Chapter 8: benchmarks */

typedef struct sigmoe_bench_layer_request {
    size_t size; /* set by the defaults */
    int64_t d_model, experts, expert_size, k, tokens;
    int threads;
    int repetitions;
    sigmoe_dtype dtype;
} sigmoe_bench_layer_request;
SIGMOE_API void sigmoe_bench_layer_defaults_sized(sigmoe_bench_layer_request *request, size_t size);
static inline void sigmoe_bench_layer_defaults(sigmoe_bench_layer_request *request) {
    sigmoe_bench_layer_defaults_sized(request, sizeof *request);
}
/* Medians, milliseconds. The dense layer has d_ff = experts · expert_size; ratio = total over dense total. flops are the
 * experts' alone (2 a multiply-add), time includes the routing. */
typedef struct sigmoe_bench_layer_result {
    double forward_ms, backward_ms, total_ms, gflops;
    double dense_total_ms, dense_gflops, ratio_to_dense;
    double peak_gflops, fraction_of_peak, peak_bytes; /* bytes: activations and scratch */
    double dense_peak_bytes;
    const char *isa;
} sigmoe_bench_layer_result;
SIGMOE_API sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result);

/* A layer's time and memory, forward and backward, dense and σ-MoE, against one of its sizes: the paper's figures of cost. */
typedef struct sigmoe_bench_figure_request {
    size_t size;        /* set by the defaults */
    const char *figure; /* "figure2", "figure8", ... from sigmoe_cost_figure_at */
    const char *out;    /* directory to make: absent, empty, or with force what sigmoe made */
    int64_t tokens;     /* B·T; default 32768 */
    int repetitions;    /* to take medians of, default 3 */
    bool force;
    bool figures; /* as sigmoe_compare_request's */
} sigmoe_bench_figure_request;
SIGMOE_API void sigmoe_bench_figure_defaults_sized(sigmoe_bench_figure_request *request, size_t size);
static inline void sigmoe_bench_figure_defaults(sigmoe_bench_figure_request *request) {
    sigmoe_bench_figure_defaults_sized(request, sizeof *request);
}
/* FIGURE-time and FIGURE-memory as SVG and PNG, FIGURE.csv. *table is its text. */
SIGMOE_API sigmoe_status sigmoe_bench_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table);
typedef struct sigmoe_cost_figure {
    const char *name;    /* "figure9" */
    const char *summary; /* "against N_E, ..." */
} sigmoe_cost_figure;
/* False when `index` is past the end. */
SIGMOE_API bool sigmoe_cost_figure_at(int index, sigmoe_cost_figure *figure);

typedef struct sigmoe_bench_step_request {
    size_t size; /* set by the defaults */
    const sigmoe_config *config;
    int64_t batch, steps;
    int threads;
    sigmoe_recompute recompute;
    sigmoe_dtype dtype;
} sigmoe_bench_step_request;
SIGMOE_API void sigmoe_bench_step_defaults_sized(sigmoe_bench_step_request *request, size_t size);
static inline void sigmoe_bench_step_defaults(sigmoe_bench_step_request *request) {
    sigmoe_bench_step_defaults_sized(request, sizeof *request);
}
/* The median step with full memory. FLOPs are those of a step that recomputes nothing; the resident set is the process's. */
typedef struct sigmoe_bench_step_result {
    double tokens_per_s, model_flops_per_token, fraction_of_peak, peak_rss_bytes;
    const char *isa;
} sigmoe_bench_step_result;
SIGMOE_API sigmoe_status sigmoe_bench_step(
    const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result);

typedef struct sigmoe_bench_attention_request {
    size_t size;                                       /* set by the defaults */
    int64_t batch, queries, memory, heads, head_width; /* keys are memory + queries */
    int threads;
    int repetitions;
    sigmoe_dtype dtype;
} sigmoe_bench_attention_request;
SIGMOE_API void sigmoe_bench_attention_defaults_sized(sigmoe_bench_attention_request *request, size_t size);
static inline void sigmoe_bench_attention_defaults(sigmoe_bench_attention_request *request) {
    sigmoe_bench_attention_defaults_sized(request, sizeof *request);
}
/* The kernel alone, without projections. Only what the causal mask lets through counts as work: of the batch * heads *
 * queries * (memory + (queries + 1) / 2) visible pairs each takes 3 * head_width multiply-adds forward (content, position,
 * values) and 6 * head_width backward; what the backward recomputes is not counted. */
typedef struct sigmoe_bench_attention_result {
    double forward_ms, backward_ms, total_ms;
    double forward_flops, total_flops;
    double forward_gflops, gflops, peak_gflops, forward_fraction_of_peak, fraction_of_peak;
    const char *isa;
} sigmoe_bench_attention_result;
SIGMOE_API sigmoe_status sigmoe_bench_attention(
    const sigmoe_bench_attention_request *request, sigmoe_bench_attention_result *result);

typedef struct sigmoe_bench_kernel_request {
    size_t size;           /* set by the defaults */
    const char *operation; /* NULL: all */
    int threads;
    int repetitions; /* at most; slow ones are run less often */
} sigmoe_bench_kernel_request;
SIGMOE_API void sigmoe_bench_kernel_defaults_sized(sigmoe_bench_kernel_request *request, size_t size);
static inline void sigmoe_bench_kernel_defaults(sigmoe_bench_kernel_request *request) {
    sigmoe_bench_kernel_defaults_sized(request, sizeof *request);
}
/* One implementation on one shape of the WT-S models. Every run begins with cold caches; bytes are those that must move at
 * least. The bound is what would take longer at the machine's measured best: the arithmetic or the memory. */
typedef struct sigmoe_bench_kernel_row {
    const char *operation, *shape, *implementation;
    bool chosen; /* what the library uses at this level */
    double ms, gflops, gigabytes_per_s;
    const char *bound; /* "fma", "memory" */
    double fraction_of_bound;
} sigmoe_bench_kernel_row;
typedef struct sigmoe_bench_machine {
    double peak_gflops, bf16_peak_gflops, gigabytes_per_s; /* of products of f32, and of bf16 */
    const char *isa;
} sigmoe_bench_machine;
/* Calls `visit` with the row of every implementation that the level in use may run. */
SIGMOE_API sigmoe_status sigmoe_bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine);

#ifdef __cplusplus
}
#endif

#endif
