#include "train/team_files.h"

#include "base/round_up.h"
#include "system/shared_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

// Parts of tensors are whole pieces of so many values, so that small tensors are written by one rank.
static const int64_t PIECE = 1 << 14;
// A random number, in a file that is in the directory while the ranks look for it: theirs of this name may be another.
#define TOKEN_NAME ".together"
enum { TOKEN = 16 };

// One of the files.
typedef struct written_file {
    const team_file *file;
    char path[PATH_CAPACITY];
    safetensors_layout layout;
    int first;      // of its tensors among those of all files
    int descriptor; // -1: not open
    uint64_t sum;   // sum_of what this process has written
} written_file;

typedef struct writing {
    communicator *link;
    char token_path[PATH_CAPACITY];
    arena *memory;
    written_file *files;
    int count, tensors;   // of all files
    tensor_range *ranges; // [ranks, tensors]: what each has
} writing;

// ---------------------------------------------------------------- who has what

static tensor_range held_by(const writing *w, int rank, int tensor) {
    return w->ranges[(size_t)rank * (size_t)w->tensors + (size_t)tensor];
}

static int64_t bytes_of(const written_file *f, int tensor) {
    return f->layout.offsets[tensor + 1] - f->layout.offsets[tensor];
}

// Ranks that have the same range write equal parts of it.
static tensor_range own_part(const writing *w, int tensor) {
    int me = communicator_rank(w->link), member = 0, members = 0;
    tensor_range own = held_by(w, me, tensor);
    for (int rank = 0; rank < communicator_ranks(w->link); rank++) {
        tensor_range other = held_by(w, rank, tensor);
        bool same = other.first == own.first && other.count == own.count;
        members += same;
        member += same && rank < me;
    }
    tensor_range pieces = tensor_range_part((tensor_range){0, divide_up(own.count, PIECE)}, member, members);
    int64_t begin = pieces.first * PIECE, end = begin + pieces.count * PIECE;
    if (end > own.count) end = own.count;
    return (tensor_range){own.first + begin, end > begin ? end - begin : 0};
}

static bool rank_0_has_all(const writing *w, const written_file *f, int i) {
    return held_by(w, 0, f->first + i).count * (int64_t)sizeof(float) == bytes_of(f, i);
}

// ---------------------------------------------------------------- sums

// Of 32-bit words, each multiplied with a number that belongs to its place in the file: those of parts add up to that of the whole.
static uint64_t sum_of(const void *bytes, size_t size, int64_t offset) {
    uint64_t sum = 0, place = (uint64_t)offset / sizeof(uint32_t);
    for (size_t i = 0; i < size / sizeof(uint32_t); i++) {
        uint32_t word;
        memcpy(&word, (const char *)bytes + i * sizeof word, sizeof word);
        sum += word * (2 * (place + i) + 1);
    }
    return sum;
}

static sigmoe_status sum_tensors(int descriptor, const written_file *f, arena *a, uint64_t *sum) {
    enum { BUFFER = 1 << 20 };
    char *buffer;
    int64_t end = f->layout.offsets[f->file->count];
    TRY(ARENA_NEW_RAW(a, buffer, BUFFER));
    *sum = 0;
    for (int64_t at = f->layout.offsets[0]; at < end; at += BUFFER) {
        size_t size = end - at < BUFFER ? (size_t)(end - at) : BUFFER;
        TRY(file_read_at(descriptor, f->path, at, size, buffer));
        *sum += sum_of(buffer, size, at);
    }
    return SIGMOE_OK;
}

// Whether a file has what the ranks wrote, as rank 0 reads it.
static sigmoe_status check_file(const written_file *f, uint64_t expected, arena *a, bool *whole) {
    int descriptor;
    int64_t size;
    uint64_t sum = 0;
    arena_mark mark = arena_here(a);
    TRY(file_open(f->path, &descriptor, &size));
    sigmoe_status status = sum_tensors(descriptor, f, a, &sum);
    close(descriptor);
    arena_release(a, mark);
    *whole = *whole && sum == expected;
    return status;
}

// Caches of a network's file system may lose bytes where two machines write the same page. So what the file has is compared
// with what was written, before the manifest vouches for it.
static sigmoe_status check_sums(const writing *w, const uint64_t *sums, bool *whole) {
    *whole = true;
    for (int i = 0; i < w->count; i++) {
        uint64_t sum = 0;
        for (int rank = 0; rank < communicator_ranks(w->link); rank++) sum += sums[rank * w->count + i];
        TRY(check_file(&w->files[i], sum, w->memory, whole));
    }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- together

static sigmoe_status make_file(written_file *f) {
    TRY(shared_file_make(f->path, f->layout.offsets[f->file->count], &f->descriptor));
    return shared_file_write(f->descriptor, f->path, 0, f->layout.head, f->layout.head_size);
}

// The others open the files when rank 0's machine has told the disk of them.
static sigmoe_status make_files(const writing *w, char token[TOKEN]) {
    if (getrandom(token, TOKEN, 0) != TOKEN) return fail_errno("cannot draw a random number");
    for (int i = 0; i < w->count; i++) {
        TRY(make_file(&w->files[i]));
        TRY(shared_file_sync(w->files[i].descriptor, w->files[i].path));
    }
    return file_write(w->token_path, token, TOKEN);
}

static sigmoe_status find_token(const writing *w, const char token[TOKEN]) {
    file_map map;
    TRY(file_map_open_up_to(w->token_path, TOKEN, &map));
    bool same = map.size == TOKEN && memcmp(map.bytes, token, TOKEN) == 0;
    file_map_close(&map);
    return same ? SIGMOE_OK : fail(SIGMOE_IO, "%s is another rank's", w->token_path);
}

static sigmoe_status join_files(const writing *w, const char token[TOKEN]) {
    TRY(find_token(w, token));
    for (int i = 0; i < w->count; i++) {
        written_file *f = &w->files[i];
        TRY(shared_file_join(f->path, f->layout.offsets[f->file->count], &f->descriptor));
    }
    return SIGMOE_OK;
}

// Opens the files in all ranks; *outsider is the first that cannot, or -1.
static sigmoe_status open_files(const writing *w, int *outsider) {
    char token[TOKEN] = "", *all;
    TRY(ARENA_NEW(w->memory, all, communicator_ranks(w->link)));
    if (communicator_leads(w->link)) TRY(make_files(w, token));
    TRY(communicator_share(w->link, token, sizeof token));
    char able = communicator_leads(w->link) || join_files(w, token) == SIGMOE_OK;
    TRY(communicator_gather(w->link, &able, sizeof able, all));
    if (communicator_leads(w->link)) file_remove(w->token_path);
    *outsider = -1;
    for (int rank = communicator_ranks(w->link) - 1; rank >= 0; rank--)
        if (!all[rank]) *outsider = rank;
    return SIGMOE_OK;
}

static sigmoe_status write_part(const writing *w, written_file *f, int i) {
    tensor_range held = f->file->held[i], part = own_part(w, f->first + i);
    const float *values = f->file->tensors[i].bytes;
    int64_t offset = f->layout.offsets[i] + part.first * (int64_t)sizeof *values;
    size_t size = (size_t)part.count * sizeof *values;
    if (part.count == 0) return SIGMOE_OK;
    values += part.first - held.first;
    f->sum += sum_of(values, size, offset);
    return shared_file_write(f->descriptor, f->path, offset, values, size);
}

static sigmoe_status write_parts(const writing *w, written_file *f) {
    for (int i = 0; i < f->file->count; i++) TRY(write_part(w, f, i));
    TRY(shared_file_sync(f->descriptor, f->path));
    int descriptor = f->descriptor;
    f->descriptor = -1;
    return shared_file_close(descriptor, f->path);
}

// A rank that cannot write tells the others, which hear of it while they wait for its sums. *whole: whether the bytes are there, as
// rank 0 finds.
static sigmoe_status write_together(const writing *w, bool *whole) {
    uint64_t *own, *all;
    TRY(ARENA_NEW(w->memory, own, w->count));
    TRY(ARENA_NEW(w->memory, all, w->count * communicator_ranks(w->link)));
    for (int i = 0; i < w->count; i++) {
        TRY(write_parts(w, &w->files[i]));
        own[i] = w->files[i].sum;
    }
    TRY(communicator_gather(w->link, own, (size_t)w->count * sizeof *own, all));
    if (communicator_leads(w->link)) TRY(check_sums(w, all, whole));
    return communicator_share(w->link, whole, sizeof *whole);
}

// *written: whether the files are there; otherwise `alone` says why not.
static sigmoe_status try_together(const writing *w, bool *written, char *alone, size_t alone_size) {
    int outsider;
    TRY(open_files(w, &outsider));
    *written = false;
    if (outsider >= 0) {
        snprintf(alone, alone_size, "rank %d on %s cannot write there", outsider,
            communicator_host(w->link, outsider));
        return SIGMOE_OK;
    }
    TRY(write_together(w, written));
    if (!*written) snprintf(alone, alone_size, "the file system loses what ranks write beside each other");
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- by rank 0

// A tensor of which rank 0 has a part.
typedef struct scattered {
    communicator *link;
    arena *room; // for the one that is being written
    const real *own;
    tensor_range held;
    int64_t count;
} scattered;

static sigmoe_status bring(const void *context, const void **bytes) {
    const scattered *s = context;
    real *whole;
    arena_release(s->room, (arena_mark){0});
    TRY(ARENA_NEW_RAW(s->room, whole, s->count));
    *bytes = whole;
    return communicator_collect_ranges(s->link, s->own, s->held, s->count, whole);
}

static scattered scattered_of(const writing *w, const written_file *f, int i, arena *room) {
    return (scattered){
        w->link, room, f->file->tensors[i].bytes, f->file->held[i], bytes_of(f, i) / (int64_t)sizeof(real)};
}

static sigmoe_status write_alone(const writing *w, const written_file *f, arena *room) {
    tensor_to_write *tensors;
    scattered *sources;
    TRY(ARENA_NEW(w->memory, tensors, f->file->count));
    TRY(ARENA_NEW(w->memory, sources, f->file->count));
    for (int i = 0; i < f->file->count; i++) {
        tensors[i] = f->file->tensors[i];
        if (rank_0_has_all(w, f, i)) continue;
        sources[i] = scattered_of(w, f, i, room);
        tensors[i].bring = bring;
        tensors[i].source = &sources[i];
    }
    return safetensors_write(f->path, tensors, f->file->count);
}

// In the order in which rank 0 brings them.
static sigmoe_status give(const writing *w, const written_file *f) {
    for (int i = 0; i < f->file->count; i++) {
        if (rank_0_has_all(w, f, i)) continue;
        scattered s = scattered_of(w, f, i, NULL);
        TRY(communicator_collect_ranges(s.link, s.own, s.held, s.count, NULL));
    }
    return SIGMOE_OK;
}

static sigmoe_status collect_files(const writing *w) {
    arena *room;
    sigmoe_status status = SIGMOE_OK;
    TRY(arena_create("tensor to write", &room));
    for (int i = 0; i < w->count && status == SIGMOE_OK; i++)
        status = communicator_leads(w->link) ? write_alone(w, &w->files[i], room) : give(w, &w->files[i]);
    arena_destroy(room);
    return status;
}

// ---------------------------------------------------------------- either way

static sigmoe_status begin_file(writing *w, const char *directory, const team_file *file, written_file *out) {
    *out = (written_file){.file = file, .first = w->tensors, .descriptor = -1};
    w->tensors += file->count;
    TRY(path_format(out->path, "%s/%s", directory, file->name));
    return safetensors_lay_out(NULL, file->tensors, file->count, w->memory, &out->layout);
}

static sigmoe_status gather_ranges(writing *w) {
    tensor_range *own;
    TRY(ARENA_NEW(w->memory, own, w->tensors));
    TRY(ARENA_NEW(w->memory, w->ranges, (int64_t)w->tensors * communicator_ranks(w->link)));
    for (int i = 0; i < w->count; i++) {
        const written_file *f = &w->files[i];
        memcpy(own + f->first, f->file->held, (size_t)f->file->count * sizeof *own);
    }
    return communicator_gather(w->link, own, (size_t)w->tensors * sizeof *own, w->ranges);
}

static sigmoe_status write_files(
    writing *w, const char *directory, const team_file *files, char *alone, size_t alone_size) {
    bool written = false;
    TRY(path_format(w->token_path, "%s/" TOKEN_NAME, directory));
    for (int i = 0; i < w->count; i++) TRY(begin_file(w, directory, &files[i], &w->files[i]));
    TRY(gather_ranges(w));
    if (w->link) TRY(try_together(w, &written, alone, alone_size));
    return written ? SIGMOE_OK : collect_files(w);
}

sigmoe_status team_files_write(communicator *link, const char *directory, const team_file *files, int count,
    char *alone, size_t alone_size) {
    arena *memory;
    writing w = {.link = link, .count = count};
    *alone = '\0';
    TRY(arena_create("files of ranks", &memory));
    w.memory = memory;
    sigmoe_status status = ARENA_NEW(memory, w.files, count);
    for (int i = 0; i < count && status == SIGMOE_OK; i++) w.files[i].descriptor = -1;
    if (status == SIGMOE_OK) status = write_files(&w, directory, files, alone, alone_size);
    for (int i = 0; w.files && i < count; i++)
        if (w.files[i].descriptor >= 0) close(w.files[i].descriptor);
    arena_destroy(memory);
    return status;
}
