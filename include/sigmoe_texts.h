/* Chapter 5 of sigmoe.h, which includes this file and has the conventions: texts that a model continues, how probable a model
 * finds texts, and their tokens. */
#ifndef SIGMOE_TEXTS_H
#define SIGMOE_TEXTS_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

/* ---------------------------------------------------------------- generation */

/* What continues a prompt. Each token is drawn from the model's logits, in this order: the repetition penalty divides positive
 * logits of tokens that the text has, prompt included, by it, and multiplies negative ones; the temperature divides all; top_k
 * keeps so many tokens of the highest; top_p keeps of these the fewest, from the most probable down, that together have at least
 * this share of the probability; min_p keeps those that have at least this share of the most probable one's. At equal
 * probability the token with the lower id comes first. */
typedef struct sigmoe_generate_request {
    size_t size; /* set by the defaults */
    const char *const
        *prompts; /* texts; an empty one stands for a newline, or where lines end without a token, a space */
    const size_t
        *prompt_sizes; /* of each, which may then contain zero bytes; NULL: they end with their first one */
    int64_t prompt_count;      /* at least 1 */
    int64_t max_tokens;        /* of a continuation, which ends there or with a stop string; default 200 */
    double temperature;        /* default 1; 0: the most probable token, whatever the next four say of it */
    int64_t top_k;             /* default 0: all */
    double top_p;              /* default 1: all */
    double min_p;              /* default 0: all */
    double repetition_penalty; /* default 1: none */
    /* With the prompt and a token's place it determines the random number: a prompt's continuation does not depend on the
     * threads, or on the prompts beside it. */
    uint64_t seed;
    /* Texts that end a continuation, which does not include them. */
    const char *const *stop;
    int stop_count;
    /* Tokens before a segment that attention looks back on; segments have the configuration's `unroll` tokens, as in
     * sigmoe_model_logits. -1, the default: as many as there. */
    int64_t context;
    int64_t batch; /* prompts that are continued together, 1 to 8; default 8 */
    bool echo;     /* texts begin with their prompt */
    /* Receives each prompt's text in parts, as it becomes known: `bytes` bytes of whole UTF-8 characters. Bytes of which no
     * character is made are shown as U+FFFD. NULL: only the results are wanted. */
    void (*text)(void *receiver, int64_t prompt, const char *part, size_t bytes);
    /* Called when a prompt's result is complete, in any order. NULL: not wanted. */
    void (*finished)(void *receiver, int64_t prompt);
    void *receiver;
} sigmoe_generate_request;
SIGMOE_API void sigmoe_generate_defaults_sized(sigmoe_generate_request *request, size_t size);
static inline void sigmoe_generate_defaults(sigmoe_generate_request *request) {
    sigmoe_generate_defaults_sized(request, sizeof *request);
}
typedef struct sigmoe_generation {
    char *text;  /* free it with sigmoe_free; a zero byte follows it */
    size_t size; /* of the text, which may contain zero bytes if the model's alphabet does */
    int64_t prompt_tokens, tokens; /* fed before the continuation, and generated */
    bool stopped;                  /* by a stop string */
} sigmoe_generation;
/* results [prompt_count]; on failure, all texts are NULL. The model's memory (sigmoe_model_logits) is neither used nor changed,
 * dropout, noise and balancing are off. Of the observer only progress and the stop flag count. SIGMOE_BAD_ARGUMENT: also a
 * prompt with a byte that the model does not know, or a model without a tokenizer. */
SIGMOE_API sigmoe_status sigmoe_generate(sigmoe_model *model, const sigmoe_generate_request *request,
    const sigmoe_observer *observer, sigmoe_generation *results);

/* ---------------------------------------------------------------- likelihoods */

/* A text, and what stands before it. Both are UTF-8 or, if tokens are bytes, any bytes. */
typedef struct sigmoe_passage {
    const char *context; /* NULL or empty: the continuation is a whole document, which follows a newline */
    size_t context_size;
    const char *continuation;
    size_t continuation_size;
    int64_t line; /* where it stands in the request's `file` */
} sigmoe_passage;

/* Passages of a text in JSON Lines: each line that is not empty is an object with "continuation" and, unless it is empty,
 * "context"; or with "text", a whole document. Other members are ignored, unless they look like these misspelled. */
typedef struct sigmoe_passages sigmoe_passages;
/* `file`: the name of the text in messages. The caller frees *out with sigmoe_passages_free. SIGMOE_BAD_FORMAT: a line is no such
 * object. */
SIGMOE_API sigmoe_status sigmoe_passages_read(
    const char *file, const char *text, size_t size, sigmoe_passages **out);
SIGMOE_API void sigmoe_passages_free(sigmoe_passages *passages);
/* All of them, *count, valid until they are freed. */
SIGMOE_API const sigmoe_passage *sigmoe_passages_list(const sigmoe_passages *passages, int64_t *count);

typedef struct sigmoe_likelihood_request {
    size_t size;                    /* set by the defaults */
    const sigmoe_passage *passages; /* [count] */
    int64_t count;
    const char *file; /* of the passages, for messages; NULL: they are numbered */
    const char
        *out; /* a file that gets {"nats": ..., "tokens": ..., "greedy": ...} of each on a line; NULL: none */
} sigmoe_likelihood_request;
SIGMOE_API void sigmoe_likelihood_defaults_sized(sigmoe_likelihood_request *request, size_t size);
static inline void sigmoe_likelihood_defaults(sigmoe_likelihood_request *request) {
    sigmoe_likelihood_defaults_sized(request, sizeof *request);
}
typedef struct sigmoe_likelihood {
    double
        nats; /* -sum of ln p of the continuation's tokens, each given all before it that the model's memory reaches */
    int64_t tokens; /* of the continuation; 0: it has none, and 0 nats */
    bool greedy;    /* each of its tokens is the most probable one (of equal ones, that with the lowest id) */
} sigmoe_likelihood;
/* results [count], in the order of the passages: how probable the model finds each continuation. The tokens are those of context
 * and continuation together, of which those belong to the continuation that the context's own do not begin with. With
 * SentencePiece, where words begin with their space, white space at the context's end counts to the continuation. A document's
 * first token follows a newline or, where lines end without a token, a space, as an empty prompt's continuation does.
 *
 * What contexts have in common is computed once; no bit of a result depends on the passages beside it, or on the threads.
 * Texts are fed in segments of the configuration's `unroll` tokens with memory between them, as in sigmoe_model_logits, whose
 * memory is neither used nor changed; dropout, noise and balancing are off. Of the observer only progress and the stop flag
 * count. SIGMOE_BAD_ARGUMENT (SIGMOE_BAD_FORMAT if they come from a file): a passage with a byte that the model does not know;
 * SIGMOE_NOT_FINITE: a logit is NaN or infinite. */
SIGMOE_API sigmoe_status sigmoe_likelihoods(sigmoe_model *model, const sigmoe_likelihood_request *request,
    const sigmoe_observer *observer, sigmoe_likelihood *results);

/* ---------------------------------------------------------------- tokenizers */

/* How texts become tokens and tokens become texts. Several threads may use one tokenizer. */
typedef struct sigmoe_tokenizer sigmoe_tokenizer;
/* That of a model directory, or of the newest checkpoint of a RUN; the weights are not read. The caller frees *out with
 * sigmoe_tokenizer_free. SIGMOE_BAD_ARGUMENT: the model has none. */
SIGMOE_API sigmoe_status sigmoe_tokenizer_of_model(const char *directory, sigmoe_tokenizer **out);
SIGMOE_API sigmoe_status sigmoe_tokenizer_of_data(
    const char *directory, sigmoe_tokenizer **out); /* prepared data */
SIGMOE_API void sigmoe_tokenizer_free(sigmoe_tokenizer *tokenizer);
SIGMOE_API int64_t sigmoe_tokenizer_vocab_size(const sigmoe_tokenizer *tokenizer);
/* The tokens of `size` bytes of text: *count of them, of which the first `capacity` are written to `ids`. SIGMOE_BAD_ARGUMENT: a
 * byte is none of the tokenizer's. */
SIGMOE_API sigmoe_status sigmoe_tokenizer_encode(const sigmoe_tokenizer *tokenizer, const char *text,
    size_t size, int32_t *ids, int64_t capacity, int64_t *count);
/* The text of tokens, *size bytes, which may include zero bytes; another one follows. Tokens that are bytes need not make UTF-8.
 * SIGMOE_BAD_ARGUMENT: a token is not one of the vocabulary. */
SIGMOE_API sigmoe_status sigmoe_tokenizer_decode(
    const sigmoe_tokenizer *tokenizer, const int32_t *ids, int64_t count, char **text, size_t *size);

#endif
