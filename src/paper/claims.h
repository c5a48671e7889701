// The paper's claims about pairs of rows: that one is at least as good as the other at equal parameters.
#pragma once

typedef struct claim {
    const char *better, *worse; // rows
    const char *text;           // "σ-MoE ≥ Switch, at equal parameters"
    const char *source;         // "Tab. 4, 10"
} claim;

int claim_count(void);
const claim *claim_at(int index);
