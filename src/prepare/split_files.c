#include "prepare/split_files.h"

#include "base/random.h"

#include <stdlib.h>

static const uint64_t shuffle_seed = 0x736d6f65;
enum { TRAIN, VALID, TEST };

typedef struct shuffled_file {
    uint32_t key;
    int index;
    int split;
    int64_t bytes;
} shuffled_file;

static int by_key(const void *a, const void *b) {
    const shuffled_file *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index - y->index;
}

static void shuffle(shuffled_file *files, const int64_t *bytes, int count) {
    static const random_stream keys = {.seed = shuffle_seed, .purpose = RANDOM_DATA};
    uint64_t place = 0; // an empty file does not change the places of others
    for (int i = 0; i < count; i++) {
        files[i] = (shuffled_file){random_bits(keys, place), i, TRAIN, bytes[i]};
        place += bytes[i] > 0;
    }
    qsort(files, (size_t)count, sizeof *files, by_key);
}

typedef struct division {
    shuffled_file *files;
    int count;
    int64_t missing[SPLITS]; // bytes of valid and test below their share; negative: above
    int used[SPLITS];        // files that are not empty
} division;

static void give(division *d, shuffled_file *f, int split) {
    f->split = split;
    d->missing[split] -= f->bytes;
    d->used[split]++;
    d->used[TRAIN]--;
}

// A file goes to the one of valid and test that lacks more, where it fits; so both get files from all over the shuffled order.
static void fill(division *d) {
    for (int i = 0; i < d->count; i++) {
        shuffled_file *f = &d->files[i];
        int split = d->missing[TEST] > d->missing[VALID] ? TEST : VALID;
        if (f->bytes > 0 && f->bytes <= d->missing[split] && d->used[TRAIN] > 1) give(d, f, split);
    }
}

static int64_t distance(int64_t a, int64_t b) {
    return a > b ? a - b : b - a;
}

// The file of train that brings the split nearest to its share; one that brings it no nearer only if it has none.
static void complete(division *d, int split) {
    shuffled_file *best = NULL;
    int64_t nearest = d->used[split] ? distance(d->missing[split], 0) : INT64_MAX;
    for (int i = 0; i < d->count && d->used[TRAIN] > 1; i++) {
        shuffled_file *f = &d->files[i];
        int64_t left = distance(d->missing[split], f->bytes);
        if (f->split != TRAIN || f->bytes == 0 || left >= nearest) continue;
        nearest = left;
        best = f;
    }
    if (best) give(d, best, split);
}

static void put_in_order(const division *d, file_split *out) {
    int place = 0;
    for (int split = 0; split < SPLITS; split++) {
        out->starts[split + 1] = out->starts[split];
        for (int i = 0; i < d->count; i++) {
            if (d->files[i].split != split) continue;
            out->order[place++] = d->files[i].index;
            out->files[split]++;
            out->starts[split + 1] += d->files[i].bytes;
        }
    }
}

sigmoe_status split_files(const int64_t *bytes, int count, arena *a, file_split *out) {
    enum { SHARES = 20 }; // of which valid and test get one each
    division d = {.count = count};
    int64_t all = 0;
    *out = (file_split){.count = count};
    TRY(ARENA_NEW(a, d.files, count));
    TRY(ARENA_NEW(a, out->order, count));
    shuffle(d.files, bytes, count);
    for (int i = 0; i < count; i++) {
        all += bytes[i];
        d.used[TRAIN] += bytes[i] > 0;
    }
    d.missing[VALID] = d.missing[TEST] = all / SHARES;
    fill(&d);
    for (int split = VALID; split <= TEST; split++)
        if (d.used[split] == 0) complete(&d, split);
    for (int split = VALID; split <= TEST; split++) complete(&d, split);
    put_in_order(&d, out);
    return SIGMOE_OK;
}

bool split_files_suffice(const file_split *s) {
    for (int split = 0; split < SPLITS; split++)
        if (s->starts[split + 1] == s->starts[split]) return false;
    return true;
}

bool split_files_fit(const file_split *s) {
    enum { LEAST = 40, MOST = 10 }; // of the whole, this part
    int64_t all = s->starts[SPLITS];
    for (int split = VALID; split <= TEST; split++) {
        int64_t bytes = s->starts[split + 1] - s->starts[split];
        if (bytes < 1 || bytes < all / LEAST || bytes > all / MOST) return false;
    }
    return true;
}
