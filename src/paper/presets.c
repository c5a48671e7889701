#include "paper/presets.h"

#include "base/option.h"
#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

// A model of the paper (or a small one) whose FF is σ-MoE; variants.c derives the others from it.
typedef struct base_model {
    const char *name, *data;
    int paper; // paper_base or -1
    int64_t vocab_size, d_model, n_layers, n_heads, d_head, unroll, batch, steps;
    double lr, clip;
    int64_t warmup;
    double dropout;
    int64_t n_experts, expert_size, k;
    double expert_dropout, regularizer_weight;
    int64_t dense_d_ff;  // as printed in the paper; 0: N_E·G
    int64_t topk_k;      // best value in the paper; 0: K·G
    int64_t pkm_subkeys; // parameter-matched; 0: no product-key memories
} base_model;

static const base_model bases[] = {
    {"wt-s", "wikitext103", BASE_WT_S, 8000, 412, 16, 10, 41, 256, 64, 100000, 2.5e-4, 0.25, 0, 0.1, 16, 128,
        4, 0, 1e-3, 2053, 512, 62},
    {"wt-s-star", "wikitext103", BASE_WT_S_STAR, 8000, 412, 16, 10, 41, 256, 64, 100000, 2.5e-4, 0.25, 0, 0.1,
        128, 128, 4, 0.05, 1e-3, 16480, 0, 0},
    {"wt-b", "wikitext103", BASE_WT_B, 8000, 1024, 18, 16, 64, 512, 64, 100000, 2.5e-4, 0.25, 4000, 0.2, 32,
        128, 4, 0.2, 1e-3, 4110, 128, 89},
    {"e8", "enwik8", BASE_E8, 205, 512, 12, 8, 64, 512, 32, 100000, 2.5e-4, 0.25, 0, 0.1, 16, 128, 4, 0.05,
        1e-4, 2053, 128, 62},
    {"c4-s", "c4", BASE_C4_S, 8000, 412, 16, 10, 41, 256, 64, 100000, 2.5e-4, 0.25, 0, 0.1, 16, 128, 4, 0,
        1e-3, 2053, 512, 62},
    {"c4-b", "c4", BASE_C4_B, 8000, 1024, 18, 16, 64, 512, 64, 100000, 2.5e-4, 0.25, 4000, 0.2, 32, 128, 4,
        0.2, 1e-3, 4110, 128, 89},
    {"pes2o-s", "pes2o", BASE_PES2O_S, 8000, 412, 16, 10, 41, 256, 64, 100000, 2.5e-4, 0.25, 0, 0.1, 16, 128,
        4, 0, 1e-3, 2053, 512, 62},
    {"pes2o-b", "pes2o", BASE_PES2O_B, 8000, 1024, 18, 16, 64, 512, 64, 100000, 2.5e-4, 0.25, 4000, 0.2, 32,
        128, 4, 0.2, 1e-3, 4110, 128, 89},
};

// The demonstration: byte tokens, small enough that two cores train five variants with two seeds in minutes.
static const base_model demo = {
    "demo", "gcide", -1, 256, 128, 2, 8, 16, 64, 16, 800, 3e-3, 0.25, 80, 0, 16, 32, 4, 0, 1e-3, 0, 0, 0};

enum { BASES = sizeof bases / sizeof *bases };

static moe_options sigma_options(const base_model *b) {
    return (moe_options){.n_experts = b->n_experts,
        .expert_size = b->expert_size,
        .k = b->k,
        .router = moe_router_named("sigmoid"),
        .expert_dropout = b->expert_dropout,
        .regularizer = b->regularizer_weight > 0 ? REGULARIZER_ENTROPY : REGULARIZER_NONE,
        .regularizer_weight = b->regularizer_weight,
        .init = MOE_INIT_DENSE_EQUIVALENT};
}

static void fill_base(const base_model *b, preset *out) {
    out->config = (model_config){.vocab_size = b->vocab_size,
        .d_model = b->d_model,
        .n_layers = b->n_layers,
        .n_heads = b->n_heads,
        .d_head = b->d_head,
        .dropout = b->dropout,
        .unroll = b->unroll,
        .memory_train = 1,
        .memory_eval = 4,
        .variant = ff_variant_named("moe"),
        .ff.moe = sigma_options(b)};
    out->settings = (sigmoe_train_settings){.batch = b->batch,
        .steps = b->steps,
        .lr = b->lr,
        .clip = b->clip,
        .warmup = b->warmup,
        .seed = 1,
        .checkpoint_every = 0,
        .valid_every = -1,
        .valid_tokens = 0};
}

// The sizes printed in the paper, replacing those that variants.c derives from equal channels.
static void paper_sizes(const base_model *b, const paper_variant *variant, model_config *config) {
    const char *type = config->variant->name;
    if (strcmp(type, "dense") == 0 && b->dense_d_ff) config->ff.dense.d_ff = b->dense_d_ff;
    if (strcmp(type, "topk") == 0) {
        if (b->dense_d_ff) config->ff.topk.d_ff = b->dense_d_ff;
        if (b->topk_k) config->ff.topk.k = b->topk_k;
    }
    if (strcmp(type, "pkm") == 0 && !variant->keeps_size) config->ff.pkm.n_subkeys = b->pkm_subkeys;
}

static bool is_small(int paper) {
    return paper == BASE_WT_S || paper == BASE_WT_S_STAR || paper == BASE_C4_S || paper == BASE_PES2O_S;
}

static bool is_big(int paper) {
    return paper == BASE_WT_B || paper == BASE_C4_B || paper == BASE_PES2O_B;
}

// The sweeps use a different clip norm for the small dense models than for their mixtures.
static bool code_clips(const base_model *b, const char *type, sigmoe_train_settings *settings) {
    if (!is_small(b->paper) || (strcmp(type, "dense") != 0 && strcmp(type, "topk") != 0)) return false;
    settings->clip = 0.1;
    return true;
}

// The code's Switch regularizer is the mean over experts; the paper's is N_E times the sum.
static void change_switch(const base_model *b, const paper_variant *variant, moe_options *m) {
    m->regularizer = REGULARIZER_SWITCH_MEAN;
    if (strcmp(variant->name, "switch-k4") == 0) m->dropout = 0;
    if (b->paper == BASE_C4_B || b->paper == BASE_PES2O_B) m->init = MOE_INIT_STANDARD;
}

static bool code_changes_mixture(const base_model *b, const paper_variant *variant, moe_options *m) {
    if (m->regularizer == REGULARIZER_SWITCH) {
        change_switch(b, variant, m);
        return true;
    }
    if (is_big(b->paper) && m->expert_dropout > 0) {
        m->expert_dropout = 0.1;
        return true;
    }
    if (m->regularizer != REGULARIZER_ENTROPY) return false;
    if (b->paper == BASE_WT_S) {
        if (m->dropout == 0) m->expert_dropout = 0.05;
        m->regularizer_weight = 1e-4;
        return true;
    }
    if (b->paper != BASE_C4_S && b->paper != BASE_PES2O_S) return false;
    bool sigma = strcmp(variant->name, "sigma-moe") == 0;
    if (sigma) m->regularizer = REGULARIZER_NONE;
    m->regularizer_weight = sigma ? 0 : 1e-4;
    return true;
}

// Applies differences between the public code's sweeps (its folder sweeps/) and the printed table; false: there are none.
static bool code_differs(const base_model *b, const paper_variant *variant, preset *p) {
    const char *type = p->config.variant->name;
    if (strcmp(type, "moe") == 0) return code_changes_mixture(b, variant, &p->config.ff.moe);
    return code_clips(b, type, &p->settings);
}

// σ-MoE's presets are called "<base>-moe"; the others are named after their variant.
static const char *suffix(const paper_variant *variant) {
    return strcmp(variant->name, "sigma-moe") == 0 ? "moe" : variant->name;
}

// C4 and peS2o have a separate table.
static const char *source_of(const base_model *b, const paper_variant *variant) {
    if (b->paper < BASE_C4_S) return variant->source;
    return variant->published[b->paper] > 0 ? "Tab. 5" : "";
}

// ---------------------------------------------------------------- the list

typedef struct preset_strings {
    char name[64];
    char summary[160];
} preset_strings;

enum { FORMS = 2, MOST_PRESETS = 1 + BASES * MOST_PAPER_VARIANTS * FORMS };

// All presets, built on first use and constant from then on: pointers into them are given out.
static preset presets[MOST_PRESETS];
static preset_strings strings[MOST_PRESETS];
static const char *names[MOST_PRESETS];
static int presets_made;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static bool make_preset(
    const base_model *b, const paper_variant *variant, bool code, preset *out, preset_strings *texts) {
    preset base;
    fill_base(b, &base);
    *out = base;
    if (paper_variant_apply(variant, &base.config, &out->config) != SIGMOE_OK) return false;
    paper_sizes(b, variant, &out->config);
    bool sigma = strcmp(variant->name, "sigma-moe") == 0;
    double published = b->paper >= 0 ? variant->published[b->paper] : 0;
    bool twice = b->paper == BASE_WT_S && sigma; // 11.59 belongs to the sweep's run
    if (twice && !code) published = 11.71;
    out->code = code;
    if (code && !code_differs(b, variant, out)) return false;
    snprintf(texts->name, sizeof texts->name, "%s-%s%s", b->name, suffix(variant), code ? "@code" : "");
    snprintf(texts->summary, sizeof texts->summary, "%s%s", variant->summary,
        code ? "; as the public code's sweep has it" : "");
    out->about = (sigmoe_preset){.name = texts->name,
        .summary = texts->summary,
        .base = b->name,
        .code = code,
        .ff_flops_share = comparison_flops_share(&base.config, &out->config),
        .data = b->data,
        .published = published > 0 ? published : NAN,
        .source = !twice ? source_of(b, variant)
                  : code ? "Tab. 4, 10"
                         : "Tab. 3"};
    out->paper = b->paper;
    out->variant = variant;
    return true;
}

static void make_demo(preset *out) {
    fill_base(&demo, out);
    out->settings.valid_every = 200;
    out->settings.valid_tokens = 32768;
    out->about = (sigmoe_preset){.name = "demo",
        .summary = "σ-MoE on bytes, small enough to compare five variants in minutes",
        .base = demo.name,
        .ff_flops_share = comparison_flops_share(&out->config, &out->config),
        .data = demo.data,
        .published = NAN,
        .source = ""};
    out->paper = demo.paper;
    out->variant = paper_variant_named("sigma-moe");
}

// Whether the paper measures the variant on the base. Product-key memories have presets wherever parameters can be matched.
static bool has_preset(const base_model *b, const paper_variant *variant) {
    bool pkm = strncmp(variant->name, "pkm", 3) == 0;
    return pkm ? b->pkm_subkeys > 0 : variant->published[b->paper] > 0;
}

// A base has no preset for a variant whose sizes do not divide, and none `@code` if that equals the printed one.
static void make_presets(void) {
    make_demo(&presets[presets_made++]);
    for (int b = 0; b < BASES; b++)
        for (int r = 0; r < paper_variant_count(); r++)
            for (int code = 0; code < FORMS; code++) {
                const paper_variant *variant = paper_variant_at(r);
                bool exists =
                    has_preset(&bases[b], variant) &&
                    make_preset(&bases[b], variant, code, &presets[presets_made], &strings[presets_made]);
                presets_made += exists;
            }
    for (int i = 0; i < presets_made; i++) names[i] = presets[i].about.name;
}

const char *preset_base_name(paper_base base) {
    for (int b = 0; b < BASES; b++)
        if (bases[b].paper == (int)base) return bases[b].name;
    return NULL;
}

int preset_count(void) {
    pthread_once(&made, make_presets);
    return presets_made;
}

sigmoe_status preset_at(int index, preset *out) {
    if (index < 0 || index >= preset_count())
        return fail(SIGMOE_BAD_ARGUMENT, "there is no preset number %d", index);
    *out = presets[index];
    return SIGMOE_OK;
}

sigmoe_status preset_named(const char *name, preset *out) {
    int count = preset_count();
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return preset_at(i, out);
    return fail(SIGMOE_BAD_ARGUMENT, "there is no preset \"%.80s\"%s", name,
        option_hint("", name, names, count, "`sigmoe_preset_at` lists all").text);
}
