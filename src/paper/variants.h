// The rows of the paper's tables, as transformations of a σ-MoE base; used by presets and by `compare`.
#pragma once

#include "model/config.h"

// The paper's models, in the order of paper_variant.published.
typedef enum paper_base {
    BASE_WT_S,
    BASE_WT_S_STAR,
    BASE_WT_B,
    BASE_E8,
    BASE_C4_S,
    BASE_C4_B,
    BASE_PES2O_S,
    BASE_PES2O_B,
    PAPER_BASES,
} paper_base;

typedef struct paper_variant {
    const char *name;              // "switch"
    const char *summary;           // "softmax router, K = 1, G·4, N_E/4"
    const char *source;            // tables of the paper for WikiText-103 and enwik8, or ""
    double published[PAPER_BASES]; // perplexity, E8: bits per character; 0: the paper has none
    // Sets ff and variant of *out from the base, whose FF is an MoE; everything else has been copied. Sizes keep N_E·G channels
    // (PKM: ⌈√(N_E·G)⌉ sub-keys); the caller matches parameters.
    sigmoe_status (*apply)(const model_config *base, model_config *out);
    bool keeps_size; // matching leaves the size set by `apply` unchanged
} paper_variant;

enum { MOST_PAPER_VARIANTS = 40 };
int paper_variant_count(void);
const paper_variant *paper_variant_at(int index);
const paper_variant *paper_variant_named(const char *name); // NULL when unknown
// Applies a variant to a base, after checking the kind of the base.
sigmoe_status paper_variant_apply(const paper_variant *variant, const model_config *base, model_config *out);
// FF multiply-adds of `model` divided by those of a dense block with the base's N_E·G channels, without routers.
double comparison_flops_share(const model_config *base, const model_config *model);
