/* sigmoe: feedforward blocks and their approximations (dense, Top-K, product-key memories, mixtures of experts) in
 * Transformer-XL language models, trained and compared at equal parameters. After Csordás, Irie, Schmidhuber, "Approximating
 * Two-Layer Feedforward Networks for Efficient Transformers" (arXiv 2310.10837).
 *
 * Conventions. Every function that can fail returns sigmoe_status; on failure, sigmoe_message() is a one-sentence message
 * for users. Functions and members of requests are named in backquotes there: `resume` goes on from here.
 * Objects are opaque and belong to whoever created them; *_free accepts NULL. `const char *` arguments are borrowed for the
 * call. Strings returned as `const char *` are constants, except sigmoe_message's, those passed to callbacks (valid during
 * the call), and those owned by a configuration (valid until it changes or is freed). Texts made for the caller have type
 * `char *`: the caller frees them with sigmoe_free; they are NULL if a call made none.
 *
 * Threads. All functions may be called from several threads at once, with different objects and different output
 * directories; an object may be used by only one thread at a time. Models and trainings that run in several threads compute
 * exactly the same bits as each does alone. The exceptions, sigmoe_pin_threads and sigmoe_sweep with several jobs, are
 * documented there.
 *
 * Units. Losses are in nats, times in seconds unless a name says ms, sizes in bytes; tensors are row-major
 * ([rows, columns]).
 *
 * Errors. Every function that takes a request may fail with SIGMOE_BAD_ARGUMENT (its values), SIGMOE_NO_MEMORY, SIGMOE_IO
 * and SIGMOE_BAD_FORMAT (files that it reads), and, if it takes an observer, with SIGMOE_INTERRUPTED. On failure, outputs
 * are unspecified unless their comment says otherwise, and need not be freed. A directory that the call was to create does
 * not exist then, except that of a training, comparison or sweep, which `resume` continues.
 *
 * Growth. Requests and observers, which the caller fills in, begin with their size. Call their *_defaults function first: it
 * sets the size and everything else. The library never accesses more than that size. If its header is newer than the
 * caller's, members that the caller's header lacks count as 0, which always means the behavior from before they existed; if
 * it is older, members that it does not know must be 0. All other structs, including those embedded in requests, keep their
 * layout until the library's SOVERSION changes. (*_defaults_sized is for languages that cannot call inline functions: `size`
 * is the struct's.)
 *
 *   Chapter 1  status, version, processor     Chapter 7  training, evaluation, forward
 *   Chapter 2  configurations and presets     Chapter 8  comparisons, sweeps
 *   Chapter 3  layers (sigmoe_layers.h)       Chapter 9  analysis
 *   Chapter 4  models                         Chapter 10 benchmarks (sigmoe_bench.h)
 *   Chapter 5  texts (sigmoe_texts.h)         Chapter 11 watching runs (sigmoe_watch.h)
 *   Chapter 6  data                           Chapter 12 interchange (sigmoe_interchange.h)
 *                                             Chapter 13 plans (sigmoe_plan.h) */
#ifndef SIGMOE_H
#define SIGMOE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGMOE_API __attribute__((visibility("default")))

/* The version of this header; sigmoe_version() is the library's, which may differ. */
#define SIGMOE_VERSION_MAJOR 0
#define SIGMOE_VERSION_MINOR 2
#define SIGMOE_VERSION_PATCH 0

/* ---------------------------------------------------------------- Chapter 1: status, version, processor */

typedef enum sigmoe_status {
    SIGMOE_OK = 0,
    SIGMOE_BAD_ARGUMENT, /* invalid values from the caller (a program reports wrong usage, exit 2) */
    SIGMOE_BAD_FORMAT,   /* a file's contents are wrong */
    SIGMOE_IO,           /* the system refused: missing file, full disk, no permission, no network */
    SIGMOE_NO_MEMORY,
    SIGMOE_NOT_FINITE,  /* a loss, gradient or weight is NaN or infinite */
    SIGMOE_INTERRUPTED, /* the stop flag was raised; everything that could be saved was saved */
} sigmoe_status;

/* The message of this thread's last failure, "" before the first; valid until the thread's next failure. Successful calls
 * may change it, too: read it right after the failure. */
SIGMOE_API const char *sigmoe_message(void);
/* The known name nearest to `name`, for "did you mean"; the first if several are equally near. NULL if none is near: a name
 * is near if at most about a third of its letters differ (case, - and _ are ignored, a swap counts once), or if it begins
 * with `name`. */
SIGMOE_API const char *sigmoe_nearest(const char *name, const char *const *known, int count);
/* Writes `text` to `out`, of `size` (at least 1) bytes, so that it can be shown anywhere: control characters, invisible ones,
 * those that change the direction of writing, and bytes that are no UTF-8 become escapes (\x1b, \u{202e}), and of words longer
 * than 200 bytes only the two ends are left. What has no room is cut off, between characters. sigmoe_message() and the lines of
 * notes have been written so already; the labels of progress have not. `out` must not overlap `text`. */
SIGMOE_API void sigmoe_printable(const char *text, char *out, size_t size);
SIGMOE_API const char *sigmoe_version(void); /* "0.2.0" */

/* How many bytes of memory the process may take. Long work that would take more, by an estimate, is SIGMOE_NO_MEMORY before it
 * begins. 0, the default: as much as the machine has, or the process's cgroup allows. To be called while no work is done. */
SIGMOE_API void sigmoe_limit_memory(double bytes);

/* Frees a text that the library made for the caller. */
SIGMOE_API void sigmoe_free(char *text);

/* Reads the processor's features and the environment variables SIGMOE_CPU (scalar, avx2, avx512, avx512bf16, amx: the highest
 * level to use) and SIGMOE_ONEDNN (off: dense products are the library's own, whose bits do not depend on the version of
 * oneDNN). Functions that need them do so themselves, once per process, so calling this is optional. Calling it first reports
 * early that one of them is unknown or unavailable (SIGMOE_BAD_ARGUMENT); every call that computes refuses to run then. */
SIGMOE_API sigmoe_status sigmoe_initialize(void);
/* The level in use, "avx512"; if SIGMOE_CPU is invalid, the processor's. */
SIGMOE_API const char *sigmoe_cpu_name(void);
/* The kernel chosen for each operation; both strings are constants. False when `index` is past the end. */
SIGMOE_API bool sigmoe_cpu_kernel(int index, const char **operation, const char **implementation);

/* One thing about how the library was built and where it runs. All strings are valid until the process ends.
 *   group   "build", "processor", "features" or "libraries"; the facts of a group follow each other
 *   value   of a feature "yes" or "no"; of a library the version compiled with, NULL if unknown
 *   loaded  of a library the version that is loaded, NULL if it does not tell; in other groups NULL */
typedef struct sigmoe_fact {
    const char *group, *name, *value, *loaded;
} sigmoe_fact;
/* False when `index` is past the end. The process's first call starts gnuplot, to see whether it is there. */
SIGMOE_API bool sigmoe_fact_at(int index, sigmoe_fact *fact);

/* Binds each thread of later work, including the calling one, to its own processor among those that the process may use now,
 * in ascending order; runs of a sweep that are trained at the same time get different processors. Other processes are not
 * aware of this: give each process its own processors (taskset, cpusets). Applies to the whole process; call it while no
 * other thread uses the library. It cannot be undone. */
SIGMOE_API void sigmoe_pin_threads(void);

/* Progress of long work, reported a few times per second. All fields are for display; unknown numbers are NaN; strings are
 * valid during the call. */
typedef struct sigmoe_progress {
    const char *task;   /* "train sigma-moe, seed 1", "download enwik8.zip" */
    const char *unit;   /* unit of done and total: "steps", "bytes", "tokens" */
    double done, total; /* total NaN: unknown */
    double rate;        /* recent units per second */
    double seconds_left;
    double all_seconds_left; /* of a comparison or sweep: until its last run ends; 0: unknown */
    double loss;             /* nats per token of the last step */
    double score;            /* bits per character or perplexity, according to score_name */
    const char *score_name;  /* "bpc", "bpb", "ppl", or NULL */
    double tokens_per_second;
    double fraction_of_peak; /* of the processor's measured FMA peak */
    bool finished;           /* the last call for this task */
} sigmoe_progress;

/* A number that a signal handler or another thread changes while work reads it: a lock-free C11 atomic, initially 0. C can
 * assign to it; C++, whose atomics are different types, uses the functions. Signal handlers may call them, too. */
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

/* Observes long work, and can stop it. Every function that takes an observer accepts NULL: silent, cannot be stopped, all
 * threads. The callbacks are called by the calling thread (for exceptions, see sigmoe_sweep), during the work, and must not
 * use the objects that it uses. */
typedef struct sigmoe_observer {
    size_t size;                                                      /* set by the defaults */
    void (*progress)(void *context, const sigmoe_progress *progress); /* NULL: silent */
    void (*note)(void *context, const char *line); /* what begins, and notable events; NULL: silent */
    void *context;
    const sigmoe_flag *stop; /* nonzero: save and return SIGMOE_INTERRUPTED; NULL: never */
    int threads;             /* 0: as many as affinity and cgroup allow */
    /* A counter: whenever it changes, training saves a checkpoint after the current step and continues; other work ignores
     * it. NULL: never. */
    const sigmoe_flag *save;
} sigmoe_observer;
SIGMOE_API void sigmoe_observer_defaults_sized(sigmoe_observer *observer, size_t size);
static inline void sigmoe_observer_defaults(sigmoe_observer *observer) {
    sigmoe_observer_defaults_sized(observer, sizeof *observer);
}

/* ---------------------------------------------------------------- Chapter 2: configurations and presets */

typedef struct sigmoe_config sigmoe_config; /* a model's configuration and, from presets, how to train it */

/* Storage of the operands of matrix products. SIGMOE_BF16 is mixed precision: weights, activations and their gradients are
 * rounded to bfloat16 where they enter products; sums, softmax, norms, loss, the weights themselves and Adam stay f32.
 * SIGMOE_INT8 is f32 with weights in 8 bits: for sigmoe_model_load_as and sigmoe_bench_generate alone. */
typedef enum sigmoe_dtype { SIGMOE_F32, SIGMOE_BF16, SIGMOE_INT8 } sigmoe_dtype;

/* The learning rate after the warm-up: it falls along a cosine that is drawn over all steps, or stays what it is. */
typedef enum sigmoe_schedule { SIGMOE_SCHEDULE_COSINE, SIGMOE_SCHEDULE_CONSTANT } sigmoe_schedule;

typedef struct sigmoe_train_settings {
    int64_t batch; /* sequences B */
    int64_t steps;
    double lr;           /* peak learning rate of Adam */
    double clip;         /* gradient-norm clipping; 0: none */
    int64_t warmup;      /* steps */
    double weight_decay; /* decoupled */
    uint64_t seed;
    int64_t checkpoint_every; /* steps; 0: by the request's checkpoint_seconds */
    /* Steps between validations; there is one more at the end. 0: never; -1: twenty in total, each on the whole split or (if
     * it is long and valid_tokens is 0) on a part, so that all of them use a tenth of the tokens trained on. */
    int64_t valid_every;
    int64_t valid_tokens; /* validate on this many tokens from the split's start; 0: all */
    sigmoe_dtype dtype;
    sigmoe_schedule schedule; /* where 0.1.0 had padding: the struct has not grown */
} sigmoe_train_settings;

/* The caller frees *out with sigmoe_config_free. An unknown name is SIGMOE_BAD_ARGUMENT, an invalid file SIGMOE_BAD_FORMAT. */
/* Every key has its default; of those that are required, vocab_size, n_layers, n_heads, d_head and unroll are 1, dropout is 0
 * and ff.type is dense. d_model and the required keys of the feedforward block are to be set. */
SIGMOE_API sigmoe_status sigmoe_config_create(sigmoe_config **out);
/* The text of a config.json; a SentencePiece tokenizer is without its model. SIGMOE_BAD_FORMAT: the text is invalid. */
SIGMOE_API sigmoe_status sigmoe_config_from_json(const char *text, sigmoe_config **out);
SIGMOE_API sigmoe_status sigmoe_config_from_preset(const char *name, sigmoe_config **out);
SIGMOE_API sigmoe_status sigmoe_config_from_file(const char *path, sigmoe_config **out); /* config.json */
/* The configuration of a model directory, or of the newest checkpoint of a RUN. If there is a manifest, the weights are compared
 * with it, too: SIGMOE_BAD_FORMAT if a byte changed. */
SIGMOE_API sigmoe_status sigmoe_config_from_model(const char *directory, sigmoe_config **out);
SIGMOE_API void sigmoe_config_free(sigmoe_config *config);
/* On failure (SIGMOE_BAD_ARGUMENT) nothing is changed. key is a path as in config.json: "d_model", "ff.k",
 * "memory_segments.eval"; value is as in JSON. Changing "ff.type" sets that variant's defaults; the required keys must be
 * set afterwards. The whole configuration is checked at its first use. */
SIGMOE_API sigmoe_status sigmoe_config_set(sigmoe_config *config, const char *key, const char *value);
/* Checks that all values are consistent (K <= N_E and the like); the message names the key. */
SIGMOE_API sigmoe_status sigmoe_config_check(const sigmoe_config *config);
/* JSON text, owned by the configuration, valid until it changes or is freed. */
SIGMOE_API sigmoe_status sigmoe_config_json(sigmoe_config *config, const char **json);
/* The training settings: the preset's, or the library's defaults. */
SIGMOE_API void sigmoe_config_settings(const sigmoe_config *config, sigmoe_train_settings *settings);

typedef struct sigmoe_preset {
    const char *name;      /* "wt-s-moe" */
    const char *summary;   /* "σ-MoE, 47 M parameters, WikiText-103" */
    const char *base;      /* the model that it is a variant of: "wt-s" */
    bool code;             /* from the public code's sweep, if that differs from the printed paper */
    int64_t parameters;    /* with its data set's vocabulary */
    double ff_flops_share; /* FF multiply-adds relative to a dense block with the base's N_E·G channels */
    const char *data;      /* its intended data set: "wikitext103" */
    double published;      /* the paper's score; NaN: none */
    const char *source;    /* "Tab. 3" */
} sigmoe_preset;
/* The presets, counted from 0; their strings are constants. */
SIGMOE_API int sigmoe_preset_count(void);
SIGMOE_API sigmoe_status sigmoe_preset_at(int index, sigmoe_preset *preset);

/* One option of config.json, for help texts: key path, range or choices, default and meaning, as readable text. False when
 * `index` is past the end. */
typedef struct sigmoe_option {
    const char *key;     /* "ff.k" */
    const char *applies; /* "moe", or "" for every model */
    const char *values;  /* "1..65536", "sigmoid|softmax|..." */
    const char *preset;  /* default as text, "required" */
    const char *help;
} sigmoe_option;
SIGMOE_API bool sigmoe_option_at(int index, sigmoe_option *option);

/* What a backward pass recomputes instead of keeping it from the forward pass. The results are bitwise the same. */
typedef enum sigmoe_recompute {
    SIGMOE_RECOMPUTE_NONE,
    SIGMOE_RECOMPUTE_FF,  /* the feedforward blocks' activations */
    SIGMOE_RECOMPUTE_ALL, /* everything except each layer's input */
} sigmoe_recompute;

/* The cost of a configuration. */
typedef struct sigmoe_summary {
    int64_t parameters;
    int64_t ff_parameters;
    double ff_multiply_adds; /* per token and layer, without the router */
    double ff_flops_share;   /* ff_multiply_adds relative to a dense block with as many channels */
    double flops_per_token;  /* training step, forward and backward, all parts */
    double train_bytes;      /* estimate: parameters, gradients, moments, activations */
    double parameter_bytes, optimizer_bytes, activation_bytes; /* parts of train_bytes */
    double
        peak_rss_bytes; /* estimate of a training process's largest resident set: the above, plus what the calling process
                              uses without them */
} sigmoe_summary;
/* `batch`: sequences per step; 0: as in the configuration's settings. */
SIGMOE_API sigmoe_status sigmoe_config_summary(const sigmoe_config *config, int64_t batch,
    sigmoe_recompute recompute, sigmoe_dtype dtype, sigmoe_summary *summary);
/* Enumerates the tensors. False when `index` is past the end. Strings are owned by the configuration, valid until it changes
 * or is freed. */
typedef struct sigmoe_tensor_info {
    const char *name;
    int dims;
    int64_t shape[4];
    const char *init; /* "normal, std 0.0172" */
} sigmoe_tensor_info;
SIGMOE_API bool sigmoe_config_tensor(sigmoe_config *config, int index, sigmoe_tensor_info *tensor);

/* ---------------------------------------------------------------- Chapter 3: layers */

#include "sigmoe_layers.h"

/* ---------------------------------------------------------------- Chapter 4: models */

typedef struct sigmoe_model sigmoe_model;

/* The caller frees *out with sigmoe_model_free; the configuration is copied. Weights are drawn with `seed`. `threads` is the
 * number of threads that the model computes with (0: as many as affinity and cgroup allow); no bit of the results depends on
 * it. */
SIGMOE_API sigmoe_status sigmoe_model_create(
    const sigmoe_config *config, uint64_t seed, int threads, sigmoe_model **out);
/* `directory` is a model directory, or a RUN: its newest checkpoint. */
SIGMOE_API sigmoe_status sigmoe_model_load(const char *directory, int threads, sigmoe_model **out);
/* The same for a model that computes with operands of this type: SIGMOE_BF16 keeps the weights that enter products as bf16
 * alone, in half of the memory; SIGMOE_INT8 keeps the large ones of these in 8 bits, as a quantized directory has them or as
 * sigmoe_quantize rounds. Such a model cannot be saved. */
SIGMOE_API sigmoe_status sigmoe_model_load_as(
    const char *directory, int threads, sigmoe_dtype dtype, sigmoe_model **out);
SIGMOE_API sigmoe_status sigmoe_model_save(
    const sigmoe_model *model, const char *directory); /* must not exist */
SIGMOE_API void sigmoe_model_free(sigmoe_model *model);

/* tokens [batch, length], each 0 to V - 1, -> logits [batch, length, V], written to the caller's buffer: scores of the token
 * after each, before the softmax. Memory from earlier calls is carried over until sigmoe_model_reset; only then may the
 * batch change. SIGMOE_BAD_ARGUMENT: a token or the batch is invalid. */
SIGMOE_API sigmoe_status sigmoe_model_logits(
    sigmoe_model *model, const int32_t *tokens, int64_t batch, int64_t length, float *logits);
SIGMOE_API void sigmoe_model_reset(sigmoe_model *model);

/* Writes a model directory again with its large matrices in 8 bits, a quarter of their size: the embedding, the projections, the
 * feedforward blocks' weights and values, the output layer; each row has a scale. What chooses experts or values, norms and
 * biases stay f32. Every function that reads models reads such directories. */
typedef struct sigmoe_quantize_request {
    size_t size;       /* set by the defaults */
    const char *model; /* a model directory, or a RUN: its newest checkpoint; not quantized yet */
    const char *out;   /* a new model directory */
    bool force;        /* replace `out` if it is a directory of this program */
} sigmoe_quantize_request;
SIGMOE_API void sigmoe_quantize_defaults_sized(sigmoe_quantize_request *request, size_t size);
static inline void sigmoe_quantize_defaults(sigmoe_quantize_request *request) {
    sigmoe_quantize_defaults_sized(request, sizeof *request);
}
typedef struct sigmoe_quantize_result {
    int64_t matrices;            /* that are in 8 bits now */
    int64_t bytes_before, bytes; /* of all tensors, as f32 and as written */
} sigmoe_quantize_result;
SIGMOE_API sigmoe_status sigmoe_quantize(
    const sigmoe_quantize_request *request, sigmoe_quantize_result *result); /* result may be NULL */

/* ---------------------------------------------------------------- Chapter 5: texts */

#include "sigmoe_texts.h"

/* ---------------------------------------------------------------- Chapter 6: data */

typedef struct sigmoe_prepare_request {
    size_t size;      /* set by the defaults */
    const char *kind; /* "text", "enwik8", "gcide", "wikitext103", "c4", "pes2o" */
    /* text: files, directories (all files below them) and patterns ("20*.txt"; ** is any directories). Other kinds:
     * files or URLs (enwik8: at most one; gcide: at most one .deb or .dict.dz; wikitext103: at most one archive, directory
     * or URL); without any, all kinds except text are downloaded. "-" is standard input; it and pipes are read once. */
    const char *const *inputs;
    int input_count;
    const char *out; /* directory to create: absent, empty, or with force made by sigmoe */
    bool force;
    const char *tokenizer; /* "bytes", "sentencepiece"; NULL: the kind's */
    int64_t vocab_size;    /* for sentencepiece; 0: 8000. Smaller if the text yields fewer pieces */
    /* c4 and pes2o: number of shards to use of each, from the first on; 0: all. Shards with "valid" in their names are for
     * validation; if there are none, the last ones are: valid_shards of them, or one if that is 0. */
    int64_t train_shards, valid_shards;
    bool
        raw; /* text: use the files' bytes unchanged; otherwise, packed files (gz, xz, bz2, zst, zip) are unpacked,
                          * and files that are not text (UTF-16, Parquet, images, programs, token ids) rejected */
    bool skip_bad_lines; /* c4, pes2o: count lines without text instead of failing */
    /* text: "shuffle-files": each file goes whole into one split, 90, 5 and 5 % of the bytes as near as files allow, the same
     * each time; "sequential": the files follow each other and are cut at 90 and 95 %. NULL: shuffle-files if valid and test
     * then have 2.5 to 10 % each, otherwise sequential. */
    const char *split;
    bool offline; /* fetch nothing: use what an interrupted command left, or fail */
} sigmoe_prepare_request;
SIGMOE_API void sigmoe_prepare_defaults_sized(sigmoe_prepare_request *request, size_t size);
static inline void sigmoe_prepare_defaults(sigmoe_prepare_request *request) {
    sigmoe_prepare_defaults_sized(request, sizeof *request);
}
/* Creates train.bin, valid.bin, test.bin and meta.json in `out`. The tokens do not depend on observer->threads. While
 * SentencePiece trains, the stop flag is checked only in a process that has a single thread, which is fork()ed for that.
 * "gcide" without an input runs apt-get if Debian's package is not installed. */
SIGMOE_API sigmoe_status sigmoe_prepare(
    const sigmoe_prepare_request *request, const sigmoe_observer *observer);
/* What prepared data hold, as a text of a few lines: the vocabulary, and for each split its tokens, its bytes and how well
 * bigrams and trigrams of the train split predict it. */
SIGMOE_API sigmoe_status sigmoe_data_summary(const char *directory, char **summary);
/* Reads every byte of prepared data and compares each shard with its SHA-256 in meta.json, and each id with the vocabulary.
 * Whatever opens data does this, too, except that it believes large shards whose files (inode, size, times) are as they were when
 * they were last read: what is known of those is in $XDG_CACHE_HOME/sigmoe, or ~/.cache/sigmoe. */
SIGMOE_API sigmoe_status sigmoe_data_verify(const char *directory, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 7: training, evaluation, forward */

typedef struct sigmoe_train_request {
    size_t size;                 /* set by the defaults */
    const sigmoe_config *config; /* initial weights are drawn for this ... */
    const char *config_name; /* as the user named it, or NULL: a file that replacing `out` must not remove */
    const char
        *init; /* ... or read from this model directory or RUN (one of the two; not needed on resume) */
    const char *const *overrides; /* "key=value", also applied to init's configuration */
    int override_count;
    const char *data; /* on resume, only if the data have moved; otherwise NULL */
    const char *out;
    int64_t unroll; /* 0: the configuration's */
    sigmoe_train_settings settings;
    /* Continue from the newest checkpoint of `out` that is whole, with all of its settings but those in `given`; a note names newer
     * ones that are damaged. If config, init, overrides or unroll are set, they must describe the run's model. */
    bool resume;
    bool force;                 /* replace `out` if sigmoe made it, and nothing else */
    sigmoe_recompute recompute; /* not part of the run's settings: can be changed on resume */
    /* Seconds of wall-clock time between checkpoints, if settings.checkpoint_every is 0; 0: only at the end (and on
     * interruption). 15 minutes by default. No bit of the training depends on it; a resumed run keeps it. */
    double checkpoint_seconds;
    /* On resume, the names of those members of `settings` that count, and of checkpoint_seconds and the last three below: {"steps",
     * "lr"}. steps (not fewer than are done), lr, clip, schedule and what is kept may differ from the run's, which train.json
     * records; a difference in any other is SIGMOE_BAD_ARGUMENT. More steps extend a run, with the optimizer's state and the batches
     * going on. */
    const char *const *given;
    int given_count;
    /* A text that the model continues at each validation: a note tells how, and samples.jsonl in `out` keeps it. No bit of the
     * training depends on it. An empty one stands for a newline, as in sigmoe_generate_request. NULL: no samples; on resume, as the
     * run did before. SIGMOE_BAD_ARGUMENT: the data have no tokenizer, or do not know a byte of it, or there are no validations. */
    const char *sample_prompt;
    /* Also write event files for TensorBoard, in `out`. No bit of the training depends on it. On resume, false goes
     * on as the run did before. */
    bool tensorboard;
    /* Checkpoints that stay in `out`: the newest `keep` (0: 2, the default), those of every `keep_every` steps (0: none), which are
     * written at these steps whatever the cadence, and, if keep_best is true, that of the best validation, which is written then.
     * Those that are not among the newest `keep` stay as models, without the optimizer's state. On resume as the run did before,
     * except for what `given` names. */
    int64_t keep, keep_every;
    bool keep_best;
    /* What a loss or gradient that is NaN or infinite does. "stop", or NULL: it ends the training. "skip": the step changes no
     * weight. "rewind": the training goes back to its newest checkpoint, and from there on with the batches behind the bad one.
     * "rewind:F", 0 < F < 1: it goes back, and does the same steps with F times the learning rate. More than
     * SIGMOE_MOST_SKIPPED steps in a row, or SIGMOE_MOST_REWINDS to one checkpoint, end the training all the same. On resume, NULL
     * goes on as the run did before. */
    const char *on_nonfinite;
    bool verify; /* read all data first and compare them with their sums, as sigmoe_data_verify does */
    /* Parts of equal size in which each batch is computed, one after the other: less memory, and the same results but for rounding.
     * 0 is 1. SIGMOE_BAD_ARGUMENT unless it divides the batch. Not part of the run's settings: can be changed on resume. */
    int64_t accumulate;
    double collective_timeout; /* seconds that processes wait for each other; 0: 600 */
    /* Seconds from the call on, before which the training stops with a checkpoint, as when it is asked to: in time for another step,
     * validation or checkpoint as long as the longest so far. 0: it goes on to its end. */
    double exit_before;
    /* With several processes: 1 gives each the optimizer's state of its share of the weights alone, and has it update these; 0 gives
     * each all of it. With bf16, the f32 values of operands of products are shared out, too. The results are the same, and
     * checkpoints. Like the next, not part of the run's settings. */
    int64_t zero;
    const char *trace; /* file for what the last step did when, as chrome://tracing reads it; or NULL */
    /* Of gradients between processes: SIGMOE_F32, or SIGMOE_BF16, for half the traffic and less exact sums. */
    sigmoe_dtype wire;
    /* Parts in which processes have the experts of each layer, with their gradients and the optimizer's state: of so many
     * neighbouring ranks, each has a part, and tokens travel to the experts that were chosen. 0 is 1: each process has all.
     * SIGMOE_BAD_ARGUMENT unless it divides the number of processes and that of the experts; or with `sample_prompt`. Not part of the
     * run's settings: can be changed on resume. */
    int64_t expert_parallel;
} sigmoe_train_request;
#define SIGMOE_MOST_SKIPPED 100
#define SIGMOE_MOST_REWINDS 10
SIGMOE_API void sigmoe_train_defaults_sized(sigmoe_train_request *request, size_t size);
static inline void sigmoe_train_defaults(sigmoe_train_request *request) {
    sigmoe_train_defaults_sized(request, sizeof *request);
}

/* Filled in as far as possible even if the training was stopped or failed: free `checkpoint` then, too. */
typedef struct sigmoe_train_result {
    int64_t steps;
    double loss;              /* of the last step; NaN, like the next, if no steps were left */
    double tokens_per_second; /* of the median step */
    double seconds;
    char *checkpoint; /* the newest, NULL: none; free it with sigmoe_free */
} sigmoe_train_result;
/* Trains, and leaves metrics.jsonl, train.json and checkpoints/<step> (model directories) in `out`. result may be NULL.
 * SIGMOE_NOT_FINITE: the loss or a gradient became NaN or infinite. */
SIGMOE_API sigmoe_status sigmoe_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result);
/* Processes of one MPI launch that call sigmoe_train with the same request train together; rank 0 writes and calls the observer. This
 * says whether this process is the one that tells people how it ended; true of a process alone. */
SIGMOE_API bool sigmoe_speaks(void);

typedef struct sigmoe_eval_request {
    size_t size;       /* set by the defaults */
    const char *model; /* a model directory, or a RUN: its newest checkpoint */
    const char *data;
    const char *split;       /* "valid", "test", "train" */
    int64_t batch;           /* streams; default 4 */
    int64_t memory_segments; /* -1: the configuration's eval value */
    int64_t limit_tokens;    /* 0: the whole split */
    /* Windows of `unroll` tokens advance by this many, and only these are scored: the rest of the window is context, in
     * addition to the memory of the text before it. 0: advance by whole windows. */
    int64_t stride;
    sigmoe_dtype dtype;
    bool verify; /* as in sigmoe_train_request */
} sigmoe_eval_request;
SIGMOE_API void sigmoe_eval_defaults_sized(sigmoe_eval_request *request, size_t size);
static inline void sigmoe_eval_defaults(sigmoe_eval_request *request) {
    sigmoe_eval_defaults_sized(request, sizeof *request);
}
/* The last three are relative to the raw sizes of what was scored: the split, or a part of it. NaN if these are unknown,
 * as for a part if tokens are not bytes. */
typedef struct sigmoe_scores {
    int64_t tokens; /* scored */
    double nats_per_token, perplexity, bits_per_token;
    double bits_per_char, bits_per_byte, word_perplexity;
} sigmoe_scores;
/* Scores a model on a split of data prepared with its tokenizer. */
SIGMOE_API sigmoe_status sigmoe_evaluate(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores);

typedef struct sigmoe_forward_result {
    int64_t batch, length;             /* B and n of the tokens */
    double cross_entropy, regularizer; /* of the last segment: `loss.ce` and `loss.reg` */
} sigmoe_forward_result;
typedef struct sigmoe_forward_request {
    size_t size;             /* set by the defaults */
    const char *model;       /* as in sigmoe_eval_request */
    const char *tokens;      /* .npy, int32 [B, n + 1] */
    const char *out;         /* .safetensors */
    int64_t unroll;          /* 0: the configuration's */
    int64_t memory_segments; /* -1: the configuration's eval value, or its train value if training */
    bool training, grad;
    uint64_t seed;
    sigmoe_dtype dtype;
    sigmoe_forward_result *result; /* filled in; NULL: not wanted */
} sigmoe_forward_request;
SIGMOE_API void sigmoe_forward_defaults_sized(sigmoe_forward_request *request, size_t size);
static inline void sigmoe_forward_defaults(sigmoe_forward_request *request) {
    sigmoe_forward_defaults_sized(request, sizeof *request);
}
/* A forward pass and, with `grad`, a backward pass; writes their tensors to `out`. */
SIGMOE_API sigmoe_status sigmoe_forward(
    const sigmoe_forward_request *request, const sigmoe_observer *observer);

/* ---------------------------------------------------------------- Chapter 8: comparisons and sweeps */

typedef struct sigmoe_compare_request {
    size_t size; /* set by the defaults */
    const char *data, *out;
    const sigmoe_config *base;   /* a configuration whose FF is σ-MoE */
    const char *base_name;       /* as the user named it, for the report */
    const char *const *variants; /* "topk:k=64"; names from sigmoe_variant_at */
    int variant_count;
    int seeds; /* seeds are settings.seed, settings.seed + 1, ... */
    sigmoe_train_settings settings;
    int64_t test_tokens; /* score the final models on this many tokens of each split; 0: all */
    bool resume;         /* continue in `out`; finished runs are not trained again */
    bool force;
    double checkpoint_seconds; /* of each run, as in sigmoe_train_request */
    const char *command;       /* the command line, for the report; NULL: the report omits it */
    /* Draw figures, with gnuplot in a separate process. True by default; if gnuplot is missing, a note says that there are
     * no figures, and everything else is done. */
    bool figures;
    double margin; /* differences within this fraction of the score are none; default 0.005 */
    /* On resume, data, base and variants may be NULL, and seeds 0: the comparison's own. If `given` is not NULL, only those
     * members of `settings`, and of test_tokens and margin, count that it names. More seeds, more variants and another number
     * of steps are accepted; what is trained is not trained again, unless the steps change. */
    const char *const *given;
    int given_count;
    bool add_variants; /* on resume, `variants` are added to the comparison's */
    /* Learning rates, each above 0: every variant is trained at each of them from the first seed, and then from all seeds at
     * the one with the best validation score. NULL: all at settings.lr. */
    const double *lr_grid;
    int lr_count;
    /* Add one seed after another until every pair of interest, that is, with a variant that leads, is decided, or until
     * max_seeds (default 10). The intervals hold however often one looks. */
    bool until_decided;
    int max_seeds;
    int columns; /* width that the table returned should fit by leaving out columns; 0: all of them, as in table.txt */
    /* The report shows how each variant's model continues this text; default SIGMOE_SAMPLE_PROMPT, which is left out, with a note,
     * where the data do not know its bytes. NULL: no samples; on resume, as in the comparison so far. Another prompt than before is
     * continued by the newest checkpoints. "sample_prompt" in `given` names it. */
    const char *sample_prompt;
    const char *
        on_nonfinite; /* of each run, as in sigmoe_train_request; on resume, NULL is what the comparison began with */
    bool verify; /* as in sigmoe_train_request */
    /* Where a launcher has started several processes: how many neighbouring ones train a run together; 0 is 1. SIGMOE_BAD_ARGUMENT
     * unless it divides their number. */
    int ranks_per_run;
} sigmoe_compare_request;
#define SIGMOE_SAMPLE_PROMPT "The "
SIGMOE_API void sigmoe_compare_defaults_sized(
    const sigmoe_config *base, sigmoe_compare_request *request, size_t size);
static inline void sigmoe_compare_defaults(const sigmoe_config *base, sigmoe_compare_request *request) {
    sigmoe_compare_defaults_sized(base, request, sizeof *request);
}
/* settings.valid_every 0 or -1 means twenty times here. Ends with table.txt, table.csv, table.json and report.html in `out`;
 * *table is the text. If all runs failed because their losses were not finite, the files and *table exist nevertheless, and
 * the status is SIGMOE_NOT_FINITE. */
SIGMOE_API sigmoe_status sigmoe_compare(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **table);
/* What sigmoe_compare would do, without doing it: the rows with their sizes and costs, what is trained already and what is not;
 * and, of a comparison that is resumed, what its scores could show and how many more seeds would settle the open pairs. Of the
 * processes of one launch only rank 0 plans, and *text is NULL in the others. */
SIGMOE_API sigmoe_status sigmoe_compare_plan(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **text);
typedef struct sigmoe_variant {
    const char *name;    /* "switch" */
    const char *summary; /* "softmax router, K=1, experts of size G·4" */
} sigmoe_variant;
SIGMOE_API bool sigmoe_variant_at(int index, sigmoe_variant *variant);

/* Sweeps: comparisons given by the paper's tables, or by a file. Overrides can make the models smaller; the rows, the seeds
 * and the verdicts stay. */
typedef struct sigmoe_sweep_request {
    size_t size; /* set by the defaults */
    /* "tab10-wt-s" from sigmoe_sweep_table_at, followed by "@code" for the version in the public code's sweep; or a file
     * that ends in .json. */
    const char *table;
    const char *data, *out;
    const char *const *overrides; /* "key=value", for the base, before its rows are derived */
    int override_count;
    int seeds; /* as in sigmoe_compare_request; a verdict needs three; 0: the table's, and on resume the sweep's */
    /* valid_every 0 or -1: twenty times, each on valid_tokens or (0) a twentieth of test_tokens. */
    sigmoe_train_settings settings;
    /* Score the final models on this many tokens of each split; 0: all; -1: a tenth of the tokens trained on. */
    int64_t test_tokens;
    /* Runs at a time, 1 by default. With more than one, the calling process is fork()ed for each run, without an exec: a
     * child has its share of the threads, its own process group and handlers of SIGINT, SIGTERM, SIGHUP and SIGUSR1, and
     * ends with _exit(). Then no other thread of the caller may be working (children would wait for its locks), SIGCHLD must
     * not be ignored, and the observer's note is called in the children, its progress in the calling process. */
    int jobs;    /* 1..64 */
    bool resume; /* continue in `out`; finished runs are not trained again */
    bool force;
    double checkpoint_seconds; /* of each run, as in sigmoe_train_request */
    const char *command;       /* as in sigmoe_compare_request, like the members below */
    bool figures;
    double margin;
    int columns;
    /* Rows beside the table's, as in sigmoe_compare_request. On resume, rows that were added before need not be named again. */
    const char *const *variants;
    int variant_count;
    const char *sample_prompt; /* as in sigmoe_compare_request; no `given` is needed */
    const char *on_nonfinite;  /* as in sigmoe_compare_request */
    bool verify;
    int ranks_per_run;
} sigmoe_sweep_request;
/* Sets settings and seeds from the table (or file); keeps `table`; members without a default are zero. */
SIGMOE_API sigmoe_status sigmoe_sweep_defaults_sized(
    const char *table, sigmoe_sweep_request *request, size_t size);
static inline sigmoe_status sigmoe_sweep_defaults(const char *table, sigmoe_sweep_request *request) {
    return sigmoe_sweep_defaults_sized(table, request, sizeof *request);
}
/* Like sigmoe_compare, with claims.csv next to the tables: a verdict on each of the paper's claims about two of the rows. */
SIGMOE_API sigmoe_status sigmoe_sweep(
    const sigmoe_sweep_request *request, const sigmoe_observer *observer, char **table);
typedef struct sigmoe_sweep_table {
    const char *name;    /* "tab10-wt-s" */
    const char *summary; /* "ablations, Switch and S-BASE" */
} sigmoe_sweep_table;
SIGMOE_API bool sigmoe_sweep_table_at(int index, sigmoe_sweep_table *table);

/* ---------------------------------------------------------------- Chapter 9: analysis */

typedef struct sigmoe_analyze_request {
    size_t size;               /* set by the defaults */
    const char *const *models; /* model directories, or RUNs: the newest checkpoint, and usage.jsonl */
    int model_count;
    const char *data;
    const char *split;    /* default "valid" */
    const char *out;      /* directory to create: absent, empty, or with force made by sigmoe */
    int64_t batch;        /* streams; default 4 */
    int64_t limit_tokens; /* 0: the whole split */
    bool force;
    bool figures; /* as in sigmoe_compare_request */
    bool json;    /* *summary is JSON: for each model its score, and what layers.csv has of its layers */
    int columns;  /* as in sigmoe_compare_request */
    bool verify;  /* as in sigmoe_train_request */
} sigmoe_analyze_request;
SIGMOE_API void sigmoe_analyze_defaults_sized(sigmoe_analyze_request *request, size_t size);
static inline void sigmoe_analyze_defaults(sigmoe_analyze_request *request) {
    sigmoe_analyze_defaults_sized(request, sizeof *request);
}
/* Runs the text through every model and reports in `out` what their feedforward blocks did: active channels, selection
 * weights, experts used together, and what each expert fires on; as PNG, SVG and CSV, with a report.html of everything.
 * *summary is a text for a terminal. */
SIGMOE_API sigmoe_status sigmoe_analyze(
    const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary);

/* ---------------------------------------------------------------- Chapter 10: benchmarks */

#include "sigmoe_bench.h"

/* ---------------------------------------------------------------- Chapter 11: watching runs */

#include "sigmoe_watch.h"

/* ---------------------------------------------------------------- Chapter 12: interchange */

#include "sigmoe_interchange.h"

/* ---------------------------------------------------------------- Chapter 13: plans */

#include "sigmoe_plan.h"

#ifdef __cplusplus
}
#endif

#endif
