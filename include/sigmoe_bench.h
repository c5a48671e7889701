/* Chapter 10 of sigmoe.h, which includes this file and has the conventions: what layers, steps, generated tokens and single kernels
 * cost on this machine. */
#ifndef SIGMOE_BENCH_H
#define SIGMOE_BENCH_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

typedef struct sigmoe_bench_layer_request {
    size_t size; /* set by the defaults */
    int64_t d_model, experts, expert_size, k, tokens;
    int threads;
    int repetitions;
    sigmoe_dtype dtype;
    const char *trace; /* file for what one more pass does when, as chrome://tracing reads it; or NULL */
} sigmoe_bench_layer_request;
SIGMOE_API void sigmoe_bench_layer_defaults_sized(sigmoe_bench_layer_request *request, size_t size);
static inline void sigmoe_bench_layer_defaults(sigmoe_bench_layer_request *request) {
    sigmoe_bench_layer_defaults_sized(request, sizeof *request);
}
/* Medians, in milliseconds. The dense layer has d_ff = experts · expert_size; ratio = total over dense total. flops are
 * those of the experts alone (2 per multiply-add); time includes routing. */
typedef struct sigmoe_bench_layer_result {
    double forward_ms, backward_ms, total_ms, gflops;
    double dense_total_ms, dense_gflops, ratio_to_dense;
    double peak_gflops, fraction_of_peak, peak_bytes; /* bytes: activations and scratch */
    double dense_peak_bytes;
    const char *isa;
} sigmoe_bench_layer_result;
SIGMOE_API sigmoe_status sigmoe_bench_layer(
    const sigmoe_bench_layer_request *request, sigmoe_bench_layer_result *result);

/* A layer's time and memory, forward and backward, dense and σ-MoE, as a function of one of its sizes: the paper's cost
 * figures. */
typedef struct sigmoe_bench_figure_request {
    size_t size;        /* set by the defaults */
    const char *figure; /* "figure2", "figure8", ... from sigmoe_cost_figure_at */
    const char *out;    /* directory to create: absent, empty, or with force made by sigmoe */
    int64_t tokens;     /* B·T; default 32768 */
    int repetitions;    /* measurements per median, default 3 */
    bool force;
    bool figures; /* as in sigmoe_compare_request */
    bool json;    /* *table is JSON: what FIGURE.csv has */
    int columns;  /* as in sigmoe_compare_request */
} sigmoe_bench_figure_request;
SIGMOE_API void sigmoe_bench_figure_defaults_sized(sigmoe_bench_figure_request *request, size_t size);
static inline void sigmoe_bench_figure_defaults(sigmoe_bench_figure_request *request) {
    sigmoe_bench_figure_defaults_sized(request, sizeof *request);
}
/* Writes FIGURE-time and FIGURE-memory as SVG and PNG, and FIGURE.csv. *table is its text. */
SIGMOE_API sigmoe_status sigmoe_bench_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table);
typedef struct sigmoe_cost_figure {
    const char *name;    /* "figure9" */
    const char *summary; /* "against N_E, ..." */
} sigmoe_cost_figure;
/* False when `index` is past the end. */
SIGMOE_API bool sigmoe_cost_figure_at(int index, sigmoe_cost_figure *figure);

typedef struct sigmoe_bench_part {
    const char *name;       /* "router", "experts: up", ...; what has no name of its own is "the rest" */
    double ms, share, busy; /* of a mean step; its share; the share of this time in which a thread computes */
} sigmoe_bench_part;
typedef struct sigmoe_bench_step_request {
    size_t size; /* set by the defaults */
    const sigmoe_config *config;
    int64_t batch, steps;
    int threads;
    sigmoe_recompute recompute;
    sigmoe_dtype dtype;
    void (*visit_part)(void *context, const sigmoe_bench_part *part); /* the longest first; or NULL */
    void *context;
} sigmoe_bench_step_request;
SIGMOE_API void sigmoe_bench_step_defaults_sized(sigmoe_bench_step_request *request, size_t size);
static inline void sigmoe_bench_step_defaults(sigmoe_bench_step_request *request) {
    sigmoe_bench_step_defaults_sized(request, sizeof *request);
}
/* The median step with full memory. FLOPs are those of a step without recomputation; the resident set is the process's. */
typedef struct sigmoe_bench_step_result {
    double tokens_per_s, model_flops_per_token, fraction_of_peak, peak_rss_bytes;
    const char *isa;
} sigmoe_bench_step_result;
SIGMOE_API sigmoe_status sigmoe_bench_step(
    const sigmoe_bench_step_request *request, sigmoe_bench_step_result *result);

typedef struct sigmoe_bench_generate_request {
    size_t size; /* set by the defaults */
    const sigmoe_config *config;
    int64_t context; /* rows that each token sees, itself included; default 256 */
    int64_t tokens;  /* to time, after a warm-up; default 50 */
    int threads;
    sigmoe_dtype dtype;
} sigmoe_bench_generate_request;
SIGMOE_API void sigmoe_bench_generate_defaults_sized(sigmoe_bench_generate_request *request, size_t size);
static inline void sigmoe_bench_generate_defaults(sigmoe_bench_generate_request *request) {
    sigmoe_bench_generate_defaults_sized(request, sizeof *request);
}
/* The median token of one text, without drawing it. Bytes are those that it has to read: the weights that it is multiplied by
 * (of experts those that are chosen), and keys, values and positions of the rows that it sees. The bandwidth is that of reading,
 * measured after every ten tokens; the fraction is the median over these rounds. */
typedef struct sigmoe_bench_generate_result {
    double tokens_per_s, bytes_per_token, gigabytes_per_s, fraction_of_bandwidth;
    const char *isa;
} sigmoe_bench_generate_result;
SIGMOE_API sigmoe_status sigmoe_bench_generate(
    const sigmoe_bench_generate_request *request, sigmoe_bench_generate_result *result);

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
/* The kernel alone, without projections. Only what the causal mask lets through counts as work: batch * heads * queries *
 * (memory + (queries + 1) / 2) visible pairs, each with 3 * head_width multiply-adds forward (content, position, values) and
 * 6 * head_width backward; recomputation in the backward is not counted. */
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
    int repetitions; /* maximum; slow implementations are run less often */
} sigmoe_bench_kernel_request;
SIGMOE_API void sigmoe_bench_kernel_defaults_sized(sigmoe_bench_kernel_request *request, size_t size);
static inline void sigmoe_bench_kernel_defaults(sigmoe_bench_kernel_request *request) {
    sigmoe_bench_kernel_defaults_sized(request, sizeof *request);
}
/* One implementation on one shape of the WT-S models. Every run starts with cold caches; bytes are the minimum traffic. The
 * bound is whichever would take longer at the machine's measured best: the arithmetic or the memory. */
typedef struct sigmoe_bench_kernel_row {
    const char *operation, *shape, *implementation;
    bool chosen; /* the library's choice at this level */
    double ms, gflops, gigabytes_per_s;
    const char *bound; /* "fma", "memory" */
    double fraction_of_bound;
} sigmoe_bench_kernel_row;
typedef struct sigmoe_bench_machine {
    double peak_gflops, bf16_peak_gflops, gigabytes_per_s; /* for f32 and bf16 products */
    const char *isa;
} sigmoe_bench_machine;
/* Calls `visit` with the row of every implementation that can run at the level in use. */
SIGMOE_API sigmoe_status sigmoe_bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine);

#endif
