#include "wording.h"

#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

typedef struct wording {
    const char *name, *typed;
} wording;

static const wording wordings[] = {
    {", out)`", " --out DIR`"},
    {"`accumulate`", "--accumulate"},
    {"`zero`", "--zero"},
    {"`wire`", "--wire"},
    {"`batch`", "--batch"},
    {"`checkpoint_every`", "--checkpoint-every"},
    {"`checkpoint_seconds`", "--checkpoint-every"},
    {"`clip`", "--clip"},
    {"`collective_timeout`", "--collective-timeout"},
    {"`context`", "--context"},
    {"`data`", "--data"},
    {"`dtype`", "--dtype"},
    {"`exit_before`", "--exit-before"},
    {"`expert_parallel`", "--expert-parallel"},
    {"`force`", "--force"},
    {"`format`", "--format"},
    {"`init`", "--init"},
    {"`jobs`", "--jobs"},
    {"`keep_best`", "--keep-best"},
    {"`lr_grid`", "--lr-grid"},
    {"`lr`", "--lr"},
    {"`margin`", "--margin"},
    {"`max_memory`", "--max-memory"},
    {"`max_seeds`", "--max-seeds"},
    {"`max_tokens`", "--max-tokens"},
    {"`min_p`", "--min-p"},
    {"`offline`", "--offline"},
    {"`on_nonfinite`", "--on-nonfinite"},
    {"`out`", "DIR"},
    {"`prompt`", "--prompt"},
    {"`raw`", "--raw"},
    {"`recompute`", "--recompute"},
    {"`repetition_penalty`", "--repetition-penalty"},
    {"`ranks_per_run`", "--ranks-per-run"},
    {"`resume`", "--resume"},
    {"`sample_prompt`", "--sample-prompt"},
    {"`schedule`", "--schedule"},
    {"`seed`", "--seed"},
    {"`seeds`", "--seeds"},
    {"`sigmoe_cpu_kernel`", "`sigmoe info --cpu`"},
    {"`sigmoe_option_at`", "`sigmoe help config`"},
    {"`sigmoe_prepare(text, ", "`sigmoe data prepare text "},
    {"`sigmoe_preset_at`", "`sigmoe presets`"},
    {"`sigmoe_sweep_table_at`", "`sigmoe sweep --help`"},
    {"`sigmoe_train`", "`train --data`"},
    {"`sigmoe_variant_at`", "`sigmoe compare --help`"},
    {"`split`", "--split"},
    {"`steps`", "--steps"},
    {"`stop`", "--stop"},
    {"`temperature`", "--temperature"},
    {"`tokenizer`", "--tokenizer"},
    {"`tokens`", "--tokens"},
    {"`top_k`", "--top-k"},
    {"`top_p`", "--top-p"},
    {"`valid_every`", "--valid-every"},
    {"`valid_tokens`", "--valid-tokens"},
    {"`vocab_size`", "--vocab-size"},
    {"`warmup`", "--warmup"},
    {"`weight_decay`", "--weight-decay"},
};

static const wording *wording_at(const char *text) {
    for (int i = 0; i < COUNT(wordings); i++)
        if (strncmp(text, wordings[i].name, strlen(wordings[i].name)) == 0) return &wordings[i];
    return NULL;
}

void reword(const char *sentence, char *out, size_t size) {
    size_t used = 0;
    while (*sentence && used + 1 < size) {
        const wording *w = wording_at(sentence);
        size_t taken = w ? strlen(w->name) : 1, given = w ? strlen(w->typed) : 1;
        if (given > size - 1 - used) given = size - 1 - used;
        memcpy(out + used, w ? w->typed : sentence, given);
        used += given;
        sentence += taken;
    }
    out[used] = '\0';
}
