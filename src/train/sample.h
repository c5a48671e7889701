// A short continuation of a fixed prompt, by which people see what a model has learned.
#pragma once

#include "config/config_file.h"
#include "model/transformer_xl.h"
#include "model/workspace.h"

// A prompt and what turns it into the tokens of a model.
typedef struct sampler sampler;

// For models of this configuration, which has the data's vocabulary. SIGMOE_BAD_ARGUMENT: the data have no tokenizer, or the prompt
// is not a text that it knows. The prompt is copied.
sigmoe_status sampler_open(const sigmoe_config *config, const char *prompt, sampler **out);
void sampler_close(sampler *s);               // NULL is allowed
const char *sampler_prompt(const sampler *s); // the sampler's own
// The text that follows the prompt, whole characters alone; the caller frees it with free(). Drawn with settings and a seed that are
// always the same, so it depends on the weights alone. Changes nothing that training depends on.
sigmoe_status sampler_continue(
    const sampler *s, transformer *model, const workspace *work, char **text, size_t *size);
// The end of the prompt, and the text, on one line, for a note; the caller frees it with free().
sigmoe_status sample_line(const char *prompt, const char *text, size_t size, char **line);
