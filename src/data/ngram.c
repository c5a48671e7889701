#include "data/ngram.h"

// The n-grams that occur form a tree: below the node of h is a node h w for each token w that followed h. A level holds the
// nodes of one length, those below one node side by side with ascending tokens.
typedef struct ngram_level {
    int64_t count;
    int32_t *tokens;  // [count], w
    uint32_t *sums;   // [count + 1], of the nodes before: node i occurs sums[i + 1] - sums[i] times
    uint32_t *begins; // [count + 1], of the nodes below node i in the next level; absent in the last
} ngram_level;

struct ngram_model {
    int64_t vocab_size;
    int order;
    ngram_level
        levels[NGRAM_MOST_ORDER + 2]; // level n: n-grams of n tokens; level 0 has one node, which is empty
};

enum { BLOCK = 1 << 16 }; // tokens or nodes between two progress reports

static sigmoe_status look(progress_meter *meter, int64_t i) {
    return i % BLOCK == 0 ? progress_at(meter, meter->state.done + BLOCK) : SIGMOE_OK;
}

// ---------------------------------------------------------------- counting

typedef struct counting {
    const int32_t *tokens;
    int64_t count, vocab_size;
    uint32_t *by_token; // [count], positions with ascending tokens, those of equal tokens ascending
    uint32_t *parents;  // [count], of position j in the level above: the node of the tokens before j
    uint32_t *sorted; // [count], positions with ascending parents, those of one parent with ascending tokens
    progress_meter *meter;
} counting;

static sigmoe_status sort_by_token(counting *c, arena *a) {
    uint32_t *ends;
    TRY(ARENA_NEW(a, ends, c->vocab_size + 1));
    for (int64_t j = 0; j < c->count; j++) {
        TRY(look(c->meter, j));
        ends[c->tokens[j] + 1]++;
    }
    for (int64_t token = 0; token < c->vocab_size; token++) ends[token + 1] += ends[token];
    for (int64_t j = 0; j < c->count; j++) {
        TRY(look(c->meter, j));
        c->by_token[ends[c->tokens[j]]++] = (uint32_t)j;
    }
    return SIGMOE_OK;
}

// Sorts the positions of n-grams of `length` tokens. Those of parent i are sorted[sums[i]] to before sorted[begins[i]]: one less
// than its occurrences if the text ends with it.
static sigmoe_status sort_by_parent(counting *c, const ngram_level *above, int length) {
    uint32_t *ends = above->begins; // not yet known: they serve as ends until the level below has been made
    for (int64_t i = 0; i < above->count; i++) ends[i] = above->sums[i];
    for (int64_t i = 0; i < c->count; i++) {
        TRY(look(c->meter, i));
        uint32_t j = c->by_token[i];
        if (j + 1 >= (uint32_t)length) c->sorted[ends[c->parents[j]]++] = j;
    }
    return SIGMOE_OK;
}

static bool begins_node(const counting *c, uint32_t first, uint32_t i) {
    return i == first || c->tokens[c->sorted[i]] != c->tokens[c->sorted[i - 1]];
}

static sigmoe_status count_nodes(const counting *c, const ngram_level *above, int64_t *count) {
    *count = 0;
    for (int64_t p = 0; p < above->count; p++) {
        TRY(look(c->meter, p));
        for (uint32_t i = above->sums[p]; i < above->begins[p]; i++)
            *count += begins_node(c, above->sums[p], i);
    }
    return SIGMOE_OK;
}

// Fills the level, ends `above` with where its nodes begin, and makes the nodes the parents of the positions that follow.
static sigmoe_status fill_level(counting *c, ngram_level *above, ngram_level *level) {
    uint32_t node = 0, occurrences = 0;
    for (int64_t p = 0; p < above->count; p++) {
        TRY(look(c->meter, p));
        uint32_t first = above->sums[p], end = above->begins[p];
        above->begins[p] = node;
        for (uint32_t i = first; i < end; i++) {
            uint32_t j = c->sorted[i];
            if (begins_node(c, first, i)) {
                level->tokens[node] = c->tokens[j];
                level->sums[node++] = occurrences;
            }
            occurrences++;
            if (j + 1 < c->count) c->parents[j + 1] = node - 1;
        }
    }
    above->begins[above->count] = node;
    level->sums[node] = occurrences;
    return SIGMOE_OK;
}

// `*nodes` may still be made; *made is false if the level would have more.
static sigmoe_status add_level(
    arena *a, counting *c, ngram_level *above, int length, int64_t *nodes, ngram_level *level, bool *made) {
    TRY(ARENA_NEW_RAW(a, above->begins, above->count + 1));
    TRY(sort_by_parent(c, above, length));
    TRY(count_nodes(c, above, &level->count));
    *made = level->count <= *nodes;
    if (!*made) return SIGMOE_OK;
    *nodes -= level->count;
    TRY(ARENA_NEW_RAW(a, level->tokens, level->count));
    TRY(ARENA_NEW_RAW(a, level->sums, level->count + 1));
    return fill_level(c, above, level);
}

static sigmoe_status add_root(arena *a, const counting *c, ngram_level *root) {
    root->count = 1;
    TRY(ARENA_NEW(a, root->sums, 2));
    root->sums[1] = (uint32_t)c->count;
    return SIGMOE_OK;
}

// The contexts of order k are the nodes of level k, and level k + 1 has what follows them.
static sigmoe_status count_levels(arena *a, counting *c, int order, int64_t most_nodes, ngram_model *m) {
    bool made = true;
    int64_t nodes = most_nodes;
    m->order = 0;
    TRY(add_root(a, c, &m->levels[0]));
    for (int k = 0; k <= order && made; k++) {
        TRY(add_level(a, c, &m->levels[k], k + 1, &nodes, &m->levels[k + 1], &made));
        if (made) m->order = k;
    }
    return SIGMOE_OK;
}

static sigmoe_status make_room(arena *a, counting *c) {
    TRY(ARENA_NEW_RAW(a, c->by_token, c->count));
    TRY(ARENA_NEW(a, c->parents, c->count)); // of all positions the root, first of all
    return ARENA_NEW_RAW(a, c->sorted, c->count);
}

sigmoe_status ngram_train(arena *a, const int32_t *tokens, int64_t count, int64_t vocab_size, int order,
    int64_t most_nodes, progress_meter *meter, ngram_model **out) {
    counting c = {.tokens = tokens, .count = count, .vocab_size = vocab_size, .meter = meter};
    arena *own;
    if (count >= UINT32_MAX)
        return fail(SIGMOE_BAD_ARGUMENT, "an n-gram model counts fewer than %u tokens", UINT32_MAX);
    TRY(ARENA_NEW(a, *out, 1));
    (*out)->vocab_size = vocab_size;
    TRY(arena_create("counting n-grams", &own));
    sigmoe_status status = make_room(own, &c);
    if (status == SIGMOE_OK) status = sort_by_token(&c, own);
    if (status == SIGMOE_OK) status = count_levels(a, &c, order, most_nodes, *out);
    arena_destroy(own);
    return status;
}

int ngram_order(const ngram_model *m) {
    return m->order;
}

// ---------------------------------------------------------------- probabilities

// The node with this token from `begin` to before `end`; `end` if there is none.
static uint32_t find(const ngram_level *level, uint32_t begin, uint32_t end, int32_t token) {
    uint32_t low = begin, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (level->tokens[middle] < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && level->tokens[low] == token ? low : end;
}

void ngram_history_begin(ngram_history *h) {
    h->nodes[0] = 0;
    for (int k = 1; k <= NGRAM_MOST_ORDER; k++) h->nodes[k] = NGRAM_UNSEEN;
}

void ngram_next(const ngram_model *m, ngram_history *h, int32_t next, double *probabilities) {
    double probability = 1 / (double)m->vocab_size;
    uint32_t longer[NGRAM_MOST_ORDER + 2]; // of the last tokens with `next`
    for (int k = 0; k <= m->order; k++) {
        const ngram_level *contexts = &m->levels[k], *followers = &m->levels[k + 1];
        uint32_t context = h->nodes[k];
        uint32_t begin = context == NGRAM_UNSEEN ? 0 : contexts->begins[context];
        uint32_t end = context == NGRAM_UNSEEN ? 0 : contexts->begins[context + 1];
        uint32_t node = find(followers, begin, end, next);
        longer[k + 1] = node < end ? node : NGRAM_UNSEEN;
        if (begin < end) {
            double hits = node < end ? followers->sums[node + 1] - followers->sums[node] : 0;
            double seen = followers->sums[end] - followers->sums[begin], distinct = end - begin;
            probability = (hits + distinct * probability) / (seen + distinct);
        }
        probabilities[k] = probability;
    }
    for (int k = 1; k <= m->order; k++) h->nodes[k] = longer[k];
}
