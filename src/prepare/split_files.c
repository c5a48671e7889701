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
    int64_t share;           // of valid and of test, in bytes
    int64_t missing[SPLITS]; // of them, in bytes; negative: too many
    int used[SPLITS];        // files that are not empty
} division;

static void move(division *d, shuffled_file *f, int split) {
    d->missing[f->split] += f->bytes;
    d->used[f->split]--;
    d->missing[split] -= f->bytes;
    d->used[split]++;
    f->split = split;
}

// A file goes to the one of valid and test that lacks more, where it fits; so both get files from all over the shuffled order.
static void fill(division *d) {
    for (int i = 0; i < d->count; i++) {
        shuffled_file *f = &d->files[i];
        int split = d->missing[TEST] > d->missing[VALID] ? TEST : VALID;
        if (f->bytes > 0 && f->bytes <= d->missing[split] && d->used[TRAIN] > 1) move(d, f, split);
    }
}

static int64_t distance(int64_t a, int64_t b) {
    return a > b ? a - b : b - a;
}

// The file of train that comes nearest to `wanted` bytes; NULL: none comes nearer than `most`.
static shuffled_file *nearest_in_train(const division *d, int64_t wanted, int64_t most) {
    shuffled_file *best = NULL;
    for (int i = 0; i < d->count; i++) {
        shuffled_file *f = &d->files[i];
        if (f->split != TRAIN || f->bytes == 0 || distance(f->bytes, wanted) >= most) continue;
        most = distance(f->bytes, wanted);
        best = f;
    }
    return best;
}

// A split without files gets one, whatever its size.
static void begin(division *d, int split) {
    if (d->used[split] > 0 || d->used[TRAIN] < 2) return;
    move(d, nearest_in_train(d, d->missing[split], INT64_MAX), split);
}

// Brings the split nearer to its share, by a file more or in exchange for one. False if it is there, or cannot be brought nearer.
static bool improve(division *d, int split) {
    enum { CLOSE = 100 }; // of the share, this part
    int64_t lacks = d->missing[split];
    if (distance(lacks, 0) <= d->share / CLOSE) return false;
    shuffled_file *more = d->used[TRAIN] < 2 ? NULL : nearest_in_train(d, lacks, distance(lacks, 0));
    if (more) move(d, more, split);
    if (more) return true;
    for (int i = 0; i < d->count; i++) {
        shuffled_file *f = &d->files[i], *other = NULL;
        if (f->split == split && f->bytes > 0)
            other = nearest_in_train(d, lacks + f->bytes, distance(lacks, 0));
        if (!other) continue;
        move(d, f, TRAIN);
        move(d, other, split);
        return true;
    }
    return false;
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
    enum { SHARES = 20, MOST_ROUNDS = 100 }; // shares, of which valid and test get one each
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
    d.share = d.missing[VALID] = d.missing[TEST] = all / SHARES;
    fill(&d);
    for (int split = VALID; split <= TEST; split++) begin(&d, split);
    for (int round = 0; round < MOST_ROUNDS; round++) {
        bool valid = improve(&d, VALID), test = improve(&d, TEST);
        if (!valid && !test) break;
    }
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
