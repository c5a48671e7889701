#include "train/sample.h"

#include "base/text_stream.h"
#include "generate/generate.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct sampler {
    char *prompt;
    text_codec *codec;
    int64_t tokens; // of a continuation
};

// About two lines of text: most tokens of bytes are a letter, those of SentencePiece a few of them.
enum { SAMPLE_BYTES = 120, SAMPLE_PIECES = 40 };
enum { SHOWN_PROMPT = 80 }; // bytes of its end
static const double SAMPLE_TEMPERATURE = 0.8;
static const uint64_t SAMPLE_SEED = 1;

// Bytes that only some tokenizers would take, but no line of samples.jsonl.
static bool is_utf8(const char *text) {
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

static sigmoe_status check_prompt(const sampler *s) {
    int32_t *ids;
    int64_t count;
    arena *a;
    if (!is_utf8(s->prompt)) return fail(SIGMOE_BAD_ARGUMENT, "it is not valid UTF-8");
    TRY(arena_create("prompt of the samples", &a));
    sigmoe_status status = text_codec_encode(s->codec, s->prompt, strlen(s->prompt), a, &ids, &count);
    if (status == SIGMOE_OK && count == 0) status = text_codec_beginning(s->codec, &(int32_t){0});
    arena_destroy(a);
    return status;
}

static sigmoe_status fill(sampler *s, const sigmoe_config *config, const char *prompt) {
    s->tokens = config->tokenizer.type == TOKENIZER_BYTES ? SAMPLE_BYTES : SAMPLE_PIECES;
    s->prompt = strdup(prompt);
    if (!s->prompt) return fail(SIGMOE_NO_MEMORY, "no memory for the prompt of the samples");
    if (config->tokenizer.type == TOKENIZER_NONE)
        return fail(SIGMOE_BAD_ARGUMENT, "the data have no tokenizer that turns text into tokens");
    TRY(text_codec_open(&config->tokenizer, config->model.vocab_size, &s->codec));
    return check_prompt(s);
}

sigmoe_status sampler_open(const sigmoe_config *config, const char *prompt, sampler **out) {
    sampler *s = calloc(1, sizeof *s);
    if (!s) return fail(SIGMOE_NO_MEMORY, "no memory for the prompt of the samples");
    sigmoe_status status = fill(s, config, prompt);
    if (status == SIGMOE_OK) {
        *out = s;
        return status;
    }
    sampler_close(s);
    return fail_in(status, "`sample_prompt`");
}

void sampler_close(sampler *s) {
    if (!s) return;
    text_codec_close(s->codec);
    free(s->prompt);
    free(s);
}

const char *sampler_prompt(const sampler *s) {
    return s->prompt;
}

sigmoe_status sampler_continue(
    const sampler *s, transformer *model, const workspace *work, char **text, size_t *size) {
    const char *prompts[] = {s->prompt};
    const generator g = {model, work, s->codec};
    const sigmoe_generate_request request = {.prompts = prompts,
        .prompt_count = 1,
        .max_tokens = s->tokens,
        .temperature = SAMPLE_TEMPERATURE,
        .top_p = 1,
        .repetition_penalty = 1,
        .seed = SAMPLE_SEED,
        .context = -1,
        .batch = 1};
    sigmoe_generation result;
    TRY(generate_texts(&g, &request, NULL, &result));
    *text = result.text;
    *size = result.size;
    return SIGMOE_OK;
}

// Ends of lines become a sign, other control characters spaces. A backquote would be taken for the mark of an option.
static void print_on_line(FILE *out, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            fputs("\xe2\x86\xb5", out); // U+21B5
        else
            putc(c < ' ' || c == 0x7f ? ' ' : c == '`' ? '\'' : c, out);
    }
}

sigmoe_status sample_line(const char *prompt, const char *text, size_t size, char **line) {
    text_stream s;
    TRY(text_stream_open(&s));
    size_t prompt_size = strlen(prompt), shown = prompt_size < SHOWN_PROMPT ? prompt_size : SHOWN_PROMPT;
    prompt += prompt_size - shown;
    while ((*prompt & 0xc0) == 0x80) prompt++; // to the beginning of a character
    if (shown < prompt_size) fputs("\xe2\x80\xa6", s.out);
    print_on_line(s.out, prompt, strlen(prompt));
    print_on_line(s.out, text, size);
    sigmoe_status status = text_stream_close(&s);
    *line = s.text;
    return status;
}
