#include "generate/generate.h"

#include "base/progress.h"
#include "generate/sampling.h"
#include "generate/text_output.h"
#include "generate/white.h"

#include <stdlib.h>
#include <string.h>

typedef struct prompt_tokens {
    int32_t *ids;
    int64_t count;
    uint64_t key;
} prompt_tokens;

// A text that is being continued.
typedef struct text_run {
    int64_t prompt; // its index
    text_cache *cache;
    text_output output;
    char *held;    // the output's room
    uint8_t *seen; // [V]
    int32_t last;  // token that was drawn, and not fed yet
    int64_t made;  // tokens drawn
} text_run;

typedef struct generation {
    const generator *g;
    const sigmoe_generate_request *request;
    sigmoe_generation *results;
    sampling sampling;
    arena *arena; // holds the buffers
    int64_t vocabulary;
    prompt_tokens *prompts; // [prompt_count]
    int64_t begun;          // prompts
    decoder *decoder;
    text_run runs[DECODER_TEXTS];
    text_run *order[DECODER_TEXTS]; // all runs, of which the first `active` are at work
    int64_t active;
    matrix logits; // [DECODER_TEXTS, V]
    const sigmoe_observer *observer;
    progress_meter meter;
    int64_t tokens; // drawn, of all texts
} generation;

// ---------------------------------------------------------------- the request

static size_t prompt_size(const sigmoe_generate_request *r, int64_t i) {
    return r->prompt_sizes ? r->prompt_sizes[i] : strlen(r->prompts[i]);
}

static sigmoe_status check_request(const sigmoe_generate_request *r) {
    if (r->prompt_count < 1 || !r->prompts)
        return fail(SIGMOE_BAD_ARGUMENT, "there is no prompt: an empty one is possible, none is not");
    if (r->max_tokens < 0)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`max_tokens` is %lld; it must be 0 or more", (long long)r->max_tokens);
    if (r->context < -1)
        return fail(SIGMOE_BAD_ARGUMENT, "`context` is %lld; it must be 0 or more", (long long)r->context);
    if (r->batch < 1 || r->batch > DECODER_TEXTS)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`batch` is %lld; it must be 1 to %d", (long long)r->batch, DECODER_TEXTS);
    for (int i = 0; i < r->stop_count; i++)
        if (!r->stop[i] || !*r->stop[i])
            return fail(SIGMOE_BAD_ARGUMENT, "an empty `stop` would end each text at once: leave it out");
    return SIGMOE_OK;
}

static sampling sampling_of(const sigmoe_generate_request *r) {
    return (sampling){.temperature = r->temperature,
        .top_k = r->top_k,
        .top_p = r->top_p,
        .min_p = r->min_p,
        .repetition_penalty = r->repetition_penalty,
        .seed = r->seed};
}

// With a prompt's number in the sentence where there are several.
static sigmoe_status in_prompt(const generation *g, int64_t index, sigmoe_status status) {
    if (status == SIGMOE_OK || g->request->prompt_count == 1) return status;
    return fail_in(status, "prompt %lld", (long long)index + 1);
}

// Encoding takes room for more tokens than there are.
static sigmoe_status encode_in(generation *g, int64_t i, arena *a) {
    const sigmoe_generate_request *r = g->request;
    prompt_tokens *p = &g->prompts[i];
    int32_t *ids, beginning;
    TRY(text_codec_encode(g->g->codec, r->prompts[i], prompt_size(r, i), a, &ids, &p->count));
    if (p->count == 0) {
        TRY(text_codec_beginning(g->g->codec, &beginning));
        ids = &beginning;
        p->count = 1;
    }
    TRY(ARENA_NEW_RAW(g->arena, p->ids, p->count));
    memcpy(p->ids, ids, (size_t)p->count * sizeof *ids);
    p->key = prompt_key(p->ids, p->count);
    return SIGMOE_OK;
}

static sigmoe_status encode_prompt(generation *g, int64_t i) {
    arena *a = g->g->work->activations;
    arena_mark mark = arena_here(a);
    sigmoe_status status = encode_in(g, i, a);
    arena_release(a, mark);
    return status;
}

static sigmoe_status encode_prompts(generation *g, int64_t *longest) {
    *longest = 0;
    TRY(ARENA_NEW(g->arena, g->prompts, g->request->prompt_count));
    for (int64_t i = 0; i < g->request->prompt_count; i++) {
        TRY(in_prompt(g, i, encode_prompt(g, i)));
        *longest = most(*longest, g->prompts[i].count);
    }
    return SIGMOE_OK;
}

// Room for the memory, or for the longest text if that is shorter.
static sigmoe_status create_decoder(generation *g, int64_t longest_prompt) {
    const model_config *config = transformer_config(g->g->model);
    int64_t memory = g->request->context, longest;
    if (memory < 0 && !size_product(&memory, config->memory_eval, config->unroll))
        return fail(
            SIGMOE_BAD_ARGUMENT, "a memory of %lld segments is too large", (long long)config->memory_eval);
    if (__builtin_add_overflow(longest_prompt, g->request->max_tokens, &longest)) longest = 0;
    return decoder_create(g->g->model, g->g->work, memory, longest,
        least(g->request->batch, g->request->prompt_count), &g->decoder);
}

static size_t longest_token(const generation *g) {
    size_t longest = 0, size;
    for (int64_t i = 0; i < g->vocabulary; i++) {
        (void)text_codec_bytes(g->g->codec, (int32_t)i, &size);
        if (size > longest) longest = size;
    }
    return longest;
}

// ---------------------------------------------------------------- one text

static sigmoe_status draw(generation *g, text_run *run, real *logits) {
    sampling_place place = {g->prompts[run->prompt].key, run->made};
    TRY(sample_token(&g->sampling, g->arena, logits, g->vocabulary, run->seen, place, &run->last));
    run->seen[run->last] = 1;
    return SIGMOE_OK;
}

// Whether the prompt's text ends where a word begins, whose own space would be a second one.
static bool ends_before_word(const generation *g, int64_t prompt) {
    size_t size = prompt_size(g->request, prompt);
    return text_codec_has_words(g->g->codec) &&
           (size == 0 || is_white(g->request->prompts[prompt][size - 1]));
}

static void show_token(const generation *g, text_run *run) {
    size_t size;
    const char *bytes = text_codec_bytes(g->g->codec, run->last, &size);
    bool second_space = run->made == 0 && size > 0 && bytes[0] == ' ' && ends_before_word(g, run->prompt);
    text_output_token(&run->output, bytes + second_space, size - second_space);
}

static bool is_finished(const generation *g, const text_run *run) {
    return run->output.stopped || run->made == g->request->max_tokens;
}

// Draws the next token, unless there are enough.
static sigmoe_status advance(generation *g, text_run *run, real *logits) {
    if (is_finished(g, run)) return SIGMOE_OK;
    TRY(in_prompt(g, run->prompt, draw(g, run, logits)));
    show_token(g, run);
    run->made++;
    g->tokens++;
    return SIGMOE_OK;
}

static void show_prompt(const generation *g, text_run *run) {
    const sigmoe_generate_request *r = g->request;
    if (r->echo) text_output_prompt(&run->output, r->prompts[run->prompt], prompt_size(r, run->prompt));
}

// Feeds the prompt and draws the first token.
static sigmoe_status begin(generation *g, text_run *run) {
    const prompt_tokens *p = &g->prompts[run->prompt];
    matrix logits = matrix_part(g->logits, 0, 1, 0, g->vocabulary);
    memset(run->seen, 0, (size_t)g->vocabulary);
    for (int64_t i = 0; i < p->count; i++) run->seen[p->ids[i]] = 1;
    show_prompt(g, run);
    text_cache_rewind(run->cache, 0);
    TRY(decoder_feed(g->decoder, run->cache, p->ids, p->count, logits));
    return advance(g, run, matrix_real(logits));
}

static sigmoe_status end(generation *g, text_run *run) {
    sigmoe_generation *result = &g->results[run->prompt];
    result->prompt_tokens = g->prompts[run->prompt].count;
    result->tokens = run->made;
    result->stopped = run->output.stopped;
    TRY(text_output_close(&run->output, &result->text, &result->size));
    if (g->request->finished) g->request->finished(g->request->receiver, run->prompt);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- all texts

static sigmoe_status make_runs(generation *g) {
    const sigmoe_generate_request *r = g->request;
    size_t room = text_output_room(r->stop, r->stop_count, longest_token(g));
    TRY(matrix_new(g->arena, TYPE_REAL, DECODER_TEXTS, g->vocabulary, &g->logits));
    for (int64_t i = 0; i < DECODER_TEXTS; i++) g->order[i] = &g->runs[i];
    for (int64_t i = 0; i < least(r->batch, r->prompt_count); i++) {
        TRY(ARENA_NEW(g->arena, g->runs[i].held, room));
        TRY(ARENA_NEW(g->arena, g->runs[i].seen, g->vocabulary));
        TRY(decoder_begin(g->decoder, &g->runs[i].cache));
    }
    return SIGMOE_OK;
}

// The next prompts take the places that are free.
static sigmoe_status begin_prompts(generation *g) {
    const sigmoe_generate_request *r = g->request;
    for (; g->active < r->batch && g->begun < r->prompt_count; g->begun++) {
        text_run *run = g->order[g->active];
        text_receiver receiver = {r->text, r->receiver, g->begun};
        run->prompt = g->begun;
        run->made = 0;
        TRY(text_output_open(&run->output, &receiver, r->stop, r->stop_count, run->held));
        g->active++;
        TRY(progress_at(&g->meter, (double)g->tokens));
        TRY(begin(g, run));
    }
    return SIGMOE_OK;
}

static sigmoe_status end_finished(generation *g) {
    for (int64_t i = g->active - 1; i >= 0; i--) {
        text_run *run = g->order[i];
        if (!is_finished(g, run)) continue;
        TRY(end(g, run));
        g->order[i] = g->order[--g->active];
        g->order[g->active] = run; // its buffers serve the next prompt
    }
    return SIGMOE_OK;
}

// One token of each text at work.
static sigmoe_status step(generation *g) {
    text_cache *caches[DECODER_TEXTS];
    int32_t tokens[DECODER_TEXTS];
    matrix logits = matrix_part(g->logits, 0, g->active, 0, g->vocabulary);
    for (int64_t i = 0; i < g->active; i++) {
        caches[i] = g->order[i]->cache;
        tokens[i] = g->order[i]->last;
    }
    TRY(decoder_step(g->decoder, caches, tokens, g->active, logits));
    for (int64_t i = 0; i < g->active; i++) TRY(advance(g, g->order[i], (real *)matrix_row(logits, i)));
    return progress_at(&g->meter, (double)g->tokens);
}

static sigmoe_status continue_all(generation *g) {
    int64_t longest, total;
    TRY(encode_prompts(g, &longest));
    TRY(create_decoder(g, longest));
    TRY(make_runs(g));
    bool countable = size_product(&total, g->request->prompt_count, g->request->max_tokens);
    progress_begin(&g->meter, g->observer, "generate", "tokens", 0, countable ? (double)total : NAN);
    for (;;) {
        TRY(begin_prompts(g));
        TRY(end_finished(g));
        if (g->active > 0)
            TRY(step(g));
        else if (g->begun == g->request->prompt_count)
            break;
    }
    progress_end(&g->meter);
    return SIGMOE_OK;
}

static void free_results(generation *g) {
    for (int64_t i = 0; i < g->request->prompt_count; i++) {
        free(g->results[i].text);
        g->results[i] = (sigmoe_generation){0};
    }
}

sigmoe_status generate_texts(const generator *made_by, const sigmoe_generate_request *request,
    const sigmoe_observer *observer, sigmoe_generation *results) {
    generation g = {.g = made_by,
        .request = request,
        .results = results,
        .observer = observer,
        .sampling = sampling_of(request),
        .vocabulary = transformer_config(made_by->model)->vocab_size};
    TRY(check_request(request));
    TRY(sampling_check(&g.sampling));
    TRY(arena_create("generation", &g.arena));
    memset(results, 0, (size_t)request->prompt_count * sizeof *results);
    sigmoe_status status = continue_all(&g);
    for (int i = 0; i < DECODER_TEXTS; i++) {
        text_output_abandon(&g.runs[i].output);
        text_cache_destroy(g.runs[i].cache);
    }
    decoder_destroy(g.decoder);
    arena_destroy(g.arena);
    if (status != SIGMOE_OK) free_results(&g);
    return status;
}
