#include "paper/claims.h"

static const claim claims[] = {
    {"sigma-moe", "dense", "σ-MoE ≥ dense, at equal parameters", "Tab. 3, 5"},
    {"sigma-moe", "switch", "σ-MoE ≥ Switch, at equal parameters", "Tab. 4, 5, 10"},
    {"sigma-moe", "switch-no-dropout", "σ-MoE ≥ Switch without dropout", "Tab. 10"},
    {"sigma-moe", "switch-k4", "σ-MoE ≥ Switch with the same K and G", "Tab. 10"},
    {"sigma-moe", "switch-k1", "σ-MoE ≥ Switch with K=1 and the same G", "Tab. 10"},
    {"sigma-moe", "s-base", "σ-MoE ≥ S-BASE, at equal parameters", "Tab. 4, 10"},
    {"sigma-moe", "s-base-k4", "σ-MoE ≥ S-BASE with the same K and G", "Tab. 4, 5, 10"},
    {"sigma-moe", "softmax-renorm", "sigmoid ≥ softmax after top-K", "Tab. 10"},
    {"sigma-moe", "softmax", "sigmoid ≥ softmax before top-K", "Tab. 10"},
    {"sigma-moe", "standard-init", "dense-equivalent initialization ≥ standard", "Tab. 10"},
    {"sigma-moe", "no-regularization", "regularizer and expert dropout ≥ neither", "Tab. 10"},
    {"sigma-moe", "standard-dropout", "expert dropout ≥ standard dropout", "Tab. 10"},
    {"sigma-moe", "2k-half-g", "K experts ≥ 2K of half the size", "Tab. 10"},
    {"sigma-moe", "half-k-2g", "K experts ≥ K/2 of twice the size", "Tab. 10"},
    {"sigma-moe", "quarter-k-4g", "K experts ≥ K/4 of four times the size", "Tab. 10"},
    {"sigma-moe", "2ne-half-g", "N_E experts ≥ 2N_E of half the size, same K", "Tab. 10"},
    {"half-k", "quarter-k", "K/2 ≥ K/4", "Tab. 10"},
    {"sigma-moe", "half-k", "K ≥ K/2", "Tab. 10"},
    {"2k", "sigma-moe", "2K ≥ K", "Tab. 10"},
    {"topk", "dense", "Top-K ≥ dense", "Tab. 1"},
    {"dense", "pkm-relu-init", "dense ≥ product-key memory with ReLU and +init", "Tab. 2"},
    {"pkm-relu", "pkm-softmax", "product keys: ReLU ≥ softmax", "Tab. 2"},
    {"pkm-relu-init", "pkm-relu", "product keys: +init ≥ standard", "Tab. 2"},
    {"pkm-relu-value", "pkm-softmax-value", "product keys of equal values: ReLU ≥ softmax", "Tab. 6"},
    {"pkm-relu-init-value", "pkm-relu-value", "product keys of equal values: +init ≥ standard", "Tab. 6"},
};

int claim_count(void) {
    return sizeof claims / sizeof *claims;
}
const claim *claim_at(int index) {
    return &claims[index];
}
