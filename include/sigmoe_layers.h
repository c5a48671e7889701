/* Chapter 3 of sigmoe.h, which includes this file and has the conventions: single layers, for programs that have a model of
 * their own. Experts work on weights and routing of the caller's; a block is any feedforward block of a configuration, with its
 * parameters. Both compute with the threads at the end of this chapter, so a call may come from any thread, and from several at
 * once with different objects. A call never keeps a pointer of the caller's, unless its comment says so. */
#ifndef SIGMOE_LAYERS_H
#define SIGMOE_LAYERS_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

/* The numbers of layers. A program that is compiled with -DSIGMOE_REAL_DOUBLE and linked with libsigmoe_double has the same layers
 * in double precision, by the same sources and their reference kernels: slow, and precise enough to check gradients by
 * differences. SIGMOE_F32 means sigmoe_real then. That library has chapters 1 and 3 and of chapter 2 the functions of
 * configurations that come from no preset and no model. */
#ifdef SIGMOE_REAL_DOUBLE
typedef double sigmoe_real;
#else
typedef float sigmoe_real;
#endif

/* What an expert makes of a channel x. */
typedef enum sigmoe_activation {
    SIGMOE_RELU,      /* max(x, 0) */
    SIGMOE_RELU2,     /* max(x, 0)² */
    SIGMOE_GELU,      /* x Φ(x), with the distribution function Φ of the normal distribution */
    SIGMOE_GELU_TANH, /* the same, with Φ approximated by (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 */
    SIGMOE_SILU,      /* x / (1 + exp(-x)) */
} sigmoe_activation;

/* Without a gate, an expert's first matrix yields G channels, and hidden = activation(channels). With one, it yields 2 G, and
 * hidden = activation(gates) ⊙ values: SwiGLU with SIGMOE_SILU, GeGLU with SIGMOE_GELU, ReGLU with SIGMOE_RELU. */
typedef enum sigmoe_gate {
    SIGMOE_GATE_NONE,
    SIGMOE_GATE_FIRST,       /* the gates of all channels, then their values */
    SIGMOE_GATE_INTERLEAVED, /* gate 0, value 0, gate 1, value 1, ... */
} sigmoe_gate;

/* How the weights of E experts lie in memory, from d inputs to H = G or (gated) 2 G channels, and from G to v outputs. */
typedef enum sigmoe_expert_layout {
    SIGMOE_EXPERTS_EDG, /* up [E, d, H], down [E, G, v] */
    SIGMOE_EXPERTS_EGD, /* up [E, H, d], down [E, v, G]: of each expert, as two linear maps of PyTorch */
} sigmoe_expert_layout;

typedef struct sigmoe_experts_options {
    size_t size;         /* set by the defaults */
    int64_t experts;     /* E */
    int64_t width;       /* d */
    int64_t expert_size; /* G */
    int64_t out_width;   /* v; 0: d */
    sigmoe_activation activation;
    sigmoe_gate gate;
    sigmoe_expert_layout layout;
    sigmoe_dtype dtype;     /* of x, up, down, the biases, y, dy and dx; sums are f32 */
    sigmoe_dtype gradients; /* of dup, ddown, dup_bias and ddown_bias; SIGMOE_BF16 only if dtype is */
} sigmoe_experts_options;
SIGMOE_API void sigmoe_experts_defaults_sized(sigmoe_experts_options *options, size_t size);
static inline void sigmoe_experts_defaults(sigmoe_experts_options *options) {
    sigmoe_experts_defaults_sized(options, sizeof *options);
}

/* A mixture's experts: its options, scratch memory that is kept from call to call, and packed weights; it has no weights of
 * its own. */
typedef struct sigmoe_experts sigmoe_experts;
SIGMOE_API sigmoe_status sigmoe_experts_create(const sigmoe_experts_options *options, sigmoe_experts **out);
SIGMOE_API void sigmoe_experts_free(sigmoe_experts *experts);

/* The tokens and weights of a forward pass and of the backward pass that follows it. All memory is the caller's, contiguous
 * unless there is a stride, and aligned to its elements. */
typedef struct sigmoe_experts_call {
    size_t size;           /* set by the defaults */
    int64_t tokens, slots; /* T and K; 0 tokens are allowed */
    /* [T, K]: the experts of each token, in any order, repeated or not. A pair (token, slot) whose index is outside [0, E) is
     * skipped: it contributes nothing. */
    const int64_t *index;
    const sigmoe_real *weight; /* [T, K]; NULL: all 1 */
    const void *x;             /* [T, d] */
    int64_t x_stride;          /* elements from row to row; 0: d */
    const void *up, *down;     /* as the layout says */
    const void *up_bias;       /* [E, H]; NULL: none */
    const void *down_bias;     /* [E, v]; NULL: none */
    /* sigmoe_experts_saved_bytes() bytes, which the forward pass writes and the backward pass reads, here or copied elsewhere,
     * aligned to 4 bytes. NULL: no backward pass follows. */
    void *saved;
} sigmoe_experts_call;
SIGMOE_API void sigmoe_experts_call_defaults_sized(sigmoe_experts_call *call, size_t size);
static inline void sigmoe_experts_call_defaults(sigmoe_experts_call *call) {
    sigmoe_experts_call_defaults_sized(call, sizeof *call);
}
/* 0 if the sizes are impossible, which the forward pass will explain. */
SIGMOE_API size_t sigmoe_experts_saved_bytes(const sigmoe_experts *experts, int64_t tokens, int64_t slots);
/* y [T, v], overwritten: for each token the sum, over its slots in their order, of
 *     weight * (hidden(x up[e] + up_bias[e]) down[e] + down_bias[e]).
 * y_stride: elements from row to row; 0: v. */
SIGMOE_API sigmoe_status sigmoe_experts_forward(
    sigmoe_experts *experts, const sigmoe_experts_call *call, void *y, int64_t y_stride);

/* Each output may be NULL: not wanted. */
typedef struct sigmoe_experts_gradients {
    size_t size;                               /* set by the defaults */
    const void *dy;                            /* [T, v]: the loss's gradient with respect to y */
    int64_t dy_stride;                         /* elements from row to row; 0: v */
    void *dx;                                  /* [T, d], overwritten */
    int64_t dx_stride;                         /* 0: d */
    void *dup, *ddown, *dup_bias, *ddown_bias; /* shaped as up, down and the biases */
    sigmoe_real *dweight;                      /* [T, K], overwritten; 0 for skipped pairs */
    bool
        accumulate; /* add to dup, ddown and the biases' gradients; false: overwrite them, with 0 where no token came */
} sigmoe_experts_gradients;
SIGMOE_API void sigmoe_experts_gradients_defaults_sized(sigmoe_experts_gradients *gradients, size_t size);
static inline void sigmoe_experts_gradients_defaults(sigmoe_experts_gradients *gradients) {
    sigmoe_experts_gradients_defaults_sized(gradients, sizeof *gradients);
}
/* `call` as in the forward pass, which must have had its `saved`. The derivative of ReLU at 0 is 0. */
SIGMOE_API sigmoe_status sigmoe_experts_backward(
    sigmoe_experts *experts, const sigmoe_experts_call *call, const sigmoe_experts_gradients *gradients);

/* Packs the weights. Forward passes with the same two pointers then read the packed copy, until this is called again, as it
 * must be when the weights have changed, or with NULL and NULL, which drops the copy. */
SIGMOE_API sigmoe_status sigmoe_experts_pack(sigmoe_experts *experts, const void *up, const void *down);

/* Product-key memories (Lample et al. 2019). The score of value i n + j, of n n values, is a[i] + b[j]. For each of `rows` rows
 * of half scores a and b [rows, n]: the `count` largest scores, 1 <= count < n, and their values, [rows, count] in descending
 * order. Among equal scores the lower value comes first; NaN is the smallest. */
SIGMOE_API sigmoe_status sigmoe_product_key_top_k(const sigmoe_real *a, const sigmoe_real *b, int64_t rows,
    int64_t n, int64_t count, sigmoe_real *scores, int64_t *index);

/* Sums of rows of a table, such as a memory's values, chosen and weighted for each token. All memory is the caller's,
 * contiguous. */
typedef struct sigmoe_weighted_rows_call {
    size_t size;               /* set by the defaults */
    int64_t tokens, slots;     /* T and S */
    int64_t count, width;      /* N and d */
    const sigmoe_real *rows;   /* [N, d] */
    const int64_t *index;      /* [T, S], each in [0, N) */
    const sigmoe_real *weight; /* [T, S]; a slot with weight 0 is left out */
} sigmoe_weighted_rows_call;
SIGMOE_API void sigmoe_weighted_rows_call_defaults_sized(sigmoe_weighted_rows_call *call, size_t size);
static inline void sigmoe_weighted_rows_call_defaults(sigmoe_weighted_rows_call *call) {
    sigmoe_weighted_rows_call_defaults_sized(call, sizeof *call);
}
/* y [T, d], overwritten: for each token the sum over its slots, in their order, of weight * rows[index]. */
SIGMOE_API sigmoe_status sigmoe_weighted_rows(const sigmoe_weighted_rows_call *call, sigmoe_real *y);
/* The gradients that follow from that of y, dy [T, d]: drows [N, d] is added to or, without `accumulate`, overwritten; dweight
 * [T, S] is overwritten. Each may be NULL: not wanted. */
SIGMOE_API sigmoe_status sigmoe_weighted_rows_backward(const sigmoe_weighted_rows_call *call,
    const sigmoe_real *dy, sigmoe_real *drows, sigmoe_real *dweight, bool accumulate);

/* A feedforward block of any type with its parameters, as layer number `layer` of a model of this configuration has it. From
 * the configuration come d_model, n_layers, dropout, vocab_size and ff. */
typedef struct sigmoe_block sigmoe_block;
/* The caller frees *out with sigmoe_block_free; the configuration is copied. Values are drawn with `seed`, as are the random
 * numbers of training. dtype: of the operands of products, as in trainings; everything the caller sees is f32. */
SIGMOE_API sigmoe_status sigmoe_block_create(
    const sigmoe_config *config, int64_t layer, uint64_t seed, sigmoe_dtype dtype, sigmoe_block **out);
SIGMOE_API void sigmoe_block_free(sigmoe_block *block);

/* A parameter. The caller may change values and gradients between calls. */
typedef struct sigmoe_parameter {
    const char *name; /* "layers.0.ff.experts.up", as in model files; owned by the block */
    int dims;
    int64_t shape[4];
    int64_t count;         /* of elements */
    sigmoe_real *value;    /* NULL for a table */
    sigmoe_real *gradient; /* of the same shape, 0 at first; NULL for a table */
    int32_t *table;        /* of hash routing, which is not trained: [V, K] experts; otherwise NULL */
} sigmoe_parameter;
/* False when `index` is past the end. */
SIGMOE_API bool sigmoe_block_parameter(sigmoe_block *block, int index, sigmoe_parameter *parameter);
/* False if there is no parameter of this name, with or without "layers.<i>.ff.". */
SIGMOE_API bool sigmoe_block_parameter_named(
    sigmoe_block *block, const char *name, sigmoe_parameter *parameter);
SIGMOE_API void sigmoe_block_clear_gradients(sigmoe_block *block);

typedef struct sigmoe_block_call {
    size_t size;           /* set by the defaults */
    int64_t tokens;        /* T, at least 1 */
    const sigmoe_real *x;  /* [T, d]; must stay as it is until the backward pass */
    const int32_t *ids;    /* [T] token ids, which hash routing needs; otherwise NULL */
    bool training;         /* dropout, router noise, Sinkhorn, the regularizer */
    bool keep;             /* a backward pass follows */
    uint64_t step;         /* with the seed and the layer it determines all random numbers */
    bool count_statistics; /* for sigmoe_block_statistics; takes time */
} sigmoe_block_call;
SIGMOE_API void sigmoe_block_call_defaults_sized(sigmoe_block_call *call, size_t size);
static inline void sigmoe_block_call_defaults(sigmoe_block_call *call) {
    sigmoe_block_call_defaults_sized(call, sizeof *call);
}
/* y [T, d], overwritten. */
SIGMOE_API sigmoe_status sigmoe_block_forward(
    sigmoe_block *block, const sigmoe_block_call *call, sigmoe_real *y);
/* After a forward pass with `keep`, once: dx [T, d] is overwritten, and the parameters' gradients are added to theirs. dy
 * [T, d] is the gradient of a loss to which the regularizer is added. */
SIGMOE_API sigmoe_status sigmoe_block_backward(sigmoe_block *block, const sigmoe_real *dy, sigmoe_real *dx);
/* The weighted regularizer of the last forward pass; 0 if it was not in training. */
SIGMOE_API double sigmoe_block_regularizer(const sigmoe_block *block);

/* Of the last forward pass with count_statistics. */
typedef struct sigmoe_statistics {
    int64_t tokens;   /* T; 0: nothing has been counted */
    int64_t channels; /* of the block: d_ff, n², or N_E·G */
    double active;    /* channels above 0, mean over tokens */
    int64_t experts;  /* N_E; 0: the block has none */
    /* Owned by the block and valid until its next forward pass; NULL without experts. */
    const int64_t *chosen; /* [N_E]: tokens that chose each expert */
    const double *weight;  /* [N_E]: sums of its selection weights */
} sigmoe_statistics;
SIGMOE_API void sigmoe_block_statistics(const sigmoe_block *block, sigmoe_statistics *statistics);

/* The threads of all layers of the process. By default, and after this call, they are a pool of the library's own, made at its
 * first use: `threads` including the calling one (0, the default: as many as affinity and cgroup allow). If several threads
 * call layers at the same time, one of them has the pool and the others compute alone. No bit of the results depends on the
 * threads. After a fork() the child has the same settings and, when it needs one, a pool of its own. */
SIGMOE_API sigmoe_status sigmoe_layer_threads(int threads);

/* The threads of a program that has some already. */
typedef struct sigmoe_host_threads {
    size_t size; /* set by the defaults */
    void *context;
    int (*count)(void *context); /* how many to use; asked in each call of a layer, on its thread */
    /* Calls body(argument, i) once for each i in [0, n), several of them at the same time if it can, and returns when all
     * have returned. n is at most count's answer. Several threads may call it at once. */
    void (*parallel_for)(void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument);
} sigmoe_host_threads;
SIGMOE_API void sigmoe_host_threads_defaults_sized(sigmoe_host_threads *host, size_t size);
static inline void sigmoe_host_threads_defaults(sigmoe_host_threads *host) {
    sigmoe_host_threads_defaults_sized(host, sizeof *host);
}
/* From now on, layers compute with the host's threads; NULL: with a pool of the library's own again. The struct is copied. */
SIGMOE_API sigmoe_status sigmoe_layer_host_threads(const sigmoe_host_threads *host);
/* If libtorch is loaded in the process and has its C interface for threads (PyTorch 2.10 and newer), layers use its threads
 * from now on, as many as torch.set_num_threads says: true. Otherwise nothing changes: false. In a child after a fork(), where
 * libtorch's threads are missing, layers use a pool of the library's own with as many. */
SIGMOE_API bool sigmoe_layer_torch_threads(void);

#endif
