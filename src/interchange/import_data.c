#include "interchange/import_data.h"

#include "data/dataset_meta.h"
#include "data/tokenizer_sentencepiece.h"
#include "formats/megatron_index.h"
#include "formats/token_shard.h"
#include "interchange/data_format.h"
#include "system/output_directory.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

// Tokens [first, end) of a file.
typedef struct token_source {
    char path[PATH_CAPACITY];
    int64_t first, end; // -1: all
    bool wide;          // int32, otherwise uint16
} token_source;

typedef struct import_job {
    const sigmoe_data_import_request *request;
    data_format format;
    tokenizer tokenizer;
    int64_t vocab_size;
    token_source sources[SPLITS];
    bool by_documents;
    output_directory output; // too large for the stack, with its paths
    arena *arena;
} import_job;

// ---------------------------------------------------------------- where the tokens are

static sigmoe_status find_document_splits(import_job *job) {
    megatron_index index;
    const char *prefix = job->request->in;
    TRY(megatron_read_index(prefix, job->arena, &index));
    // Each document goes whole into the split in whose part its end lies.
    int64_t ends[SPLITS] = {0, 0, index.tokens};
    for (int64_t i = 0; i < index.documents; i++) {
        if (index.ends[i] <= index.tokens - index.tokens / 10) ends[0] = index.ends[i];
        if (index.ends[i] <= index.tokens - index.tokens / 20) ends[1] = index.ends[i];
    }
    if (ends[0] == 0 || ends[1] == ends[0] || ends[2] == ends[1])
        return fail(SIGMOE_BAD_FORMAT,
            "%s.idx: its %" PRId64
            " document%s cannot be split at about 90 and 95 %% of the tokens without a split "
            "that is empty: give a directory with train.idx, valid.idx and test.idx",
            prefix, index.documents, plural(index.documents));
    job->by_documents = true;
    for (int i = 0; i < SPLITS; i++) {
        token_source *s = &job->sources[i];
        TRY(path_format(s->path, "%s.bin", prefix));
        s->first = i == 0 ? 0 : ends[i - 1];
        s->end = ends[i];
        s->wide = index.type == MEGATRON_I32;
    }
    return SIGMOE_OK;
}

static sigmoe_status find_split(import_job *job, int split, const char *prefix) {
    token_source *s = &job->sources[split];
    megatron_index index;
    s->end = -1;
    TRY(path_format(s->path, "%s.bin", prefix));
    if (job->format == DATA_NANOGPT) return SIGMOE_OK;
    TRY(megatron_read_index(prefix, job->arena, &index));
    s->wide = index.type == MEGATRON_I32;
    return SIGMOE_OK;
}

static sigmoe_status find_splits(import_job *job) {
    char prefix[PATH_CAPACITY], needed[PATH_CAPACITY];
    const char *ending = job->format == DATA_NANOGPT ? "bin" : "idx";
    TRY(path_format(needed, "%s.idx", job->request->in));
    if (job->format == DATA_MEGATRON && path_exists(needed)) return find_document_splits(job);
    for (int i = 0; i < SPLITS; i++) {
        const char *name = data_format_split(job->format, i);
        TRY(path_format(prefix, "%s/%s", job->request->in, name));
        TRY(path_format(needed, "%s.%s", prefix, ending));
        if (i == SPLITS - 1 && !path_exists(needed)) { // like those of corpora without a test text
            job->sources[i] = job->sources[i - 1];
            return SIGMOE_OK;
        }
        TRY(find_split(job, i, prefix));
    }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what the tokens mean

static sigmoe_status find_vocabulary(import_job *job) {
    const sigmoe_data_import_request *r = job->request;
    job->vocab_size = r->vocab_size;
    if (!r->tokenizer) {
        if (r->vocab_size >= 1 && r->vocab_size <= INT32_MAX) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "how many tokens the vocabulary has is not in the files: give "
                                         "`vocab_size`, or a SentencePiece model as "
                                         "`tokenizer`");
    }
    piece_model *pieces;
    job->tokenizer.type = TOKENIZER_SENTENCEPIECE;
    TRY(path_format(job->tokenizer.model_path, "%s", r->tokenizer));
    TRY(sha256_file(r->tokenizer, job->tokenizer.model_sha256));
    TRY(sentencepiece_open(r->tokenizer, &pieces));
    int64_t size = sentencepiece_vocab_size(pieces);
    sentencepiece_close(pieces);
    if (r->vocab_size && r->vocab_size != size)
        return fail(SIGMOE_BAD_ARGUMENT, "`vocab_size` is %" PRId64 ", but %s has %" PRId64 " tokens",
            r->vocab_size, r->tokenizer, size);
    job->vocab_size = size;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- copying

enum { BLOCK = 1 << 10 };

static int32_t token_at(const unsigned char *bytes, bool wide, int64_t index) {
    uint32_t value32;
    uint16_t value16;
    if (wide) {
        memcpy(&value32, bytes + 4 * index, sizeof value32);
        return (int32_t)le32toh(value32);
    }
    memcpy(&value16, bytes + 2 * index, sizeof value16);
    return le16toh(value16);
}

// Tokens [first, first + count) of the open file, at most BLOCK.
static sigmoe_status read_block(const import_job *job, const token_source *s, int descriptor, int64_t first,
    int64_t count, int32_t *block) {
    unsigned char bytes[4 * BLOCK];
    int64_t width = s->wide ? 4 : 2;
    TRY(file_read_at(descriptor, s->path, first * width, (size_t)(count * width), bytes));
    for (int64_t i = 0; i < count; i++) {
        block[i] = token_at(bytes, s->wide, i);
        if (block[i] < 0 || block[i] >= job->vocab_size)
            return fail(SIGMOE_BAD_FORMAT,
                "%s: token %" PRId64 " (byte %" PRId64 ") is %d, but the vocabulary has %" PRId64 " token%s",
                s->path, first + i, (first + i) * width, block[i], job->vocab_size, plural(job->vocab_size));
    }
    return SIGMOE_OK;
}

static sigmoe_status copy_tokens(
    const import_job *job, const token_source *s, int descriptor, int64_t end, token_writer *w) {
    int32_t block[BLOCK];
    for (int64_t done = s->first; done < end;) {
        int64_t count = end - done < BLOCK ? end - done : BLOCK;
        TRY(read_block(job, s, descriptor, done, count, block));
        TRY(token_writer_add(w, block, count));
        done += count;
    }
    return SIGMOE_OK;
}

static sigmoe_status copy_file(const import_job *job, const token_source *s, int descriptor, int64_t size,
    const char *directory, const char *split, int64_t *tokens) {
    token_writer *w;
    int64_t width = s->wide ? 4 : 2, all = size / width, end = s->end < 0 ? all : s->end;
    if (size % width)
        return fail(SIGMOE_BAD_FORMAT,
            "%s has %" PRId64 " bytes, which is no whole number of tokens of %" PRId64 " bytes", s->path,
            size, width);
    if (end > all || end <= s->first)
        return fail(SIGMOE_BAD_FORMAT, "%s has too few tokens for the split %s", s->path, split);
    TRY(token_writer_open(directory, split, job->vocab_size, 0, &w));
    sigmoe_status status = copy_tokens(job, s, descriptor, end, w);
    *tokens = end - s->first;
    if (status == SIGMOE_OK) return token_writer_commit(w);
    token_writer_abandon(w);
    return status;
}

static sigmoe_status copy_split(const import_job *job, const char *directory, int split, int64_t *tokens) {
    const token_source *s = &job->sources[split];
    int descriptor = -1;
    int64_t size = 0;
    TRY(file_open(s->path, &descriptor, &size));
    sigmoe_status status = copy_file(job, s, descriptor, size, directory, split_names[split], tokens);
    close(descriptor);
    return status;
}

static sigmoe_status write_data(const import_job *job, const char *directory) {
    split_content splits[SPLITS] = {0};
    char source[PATH_CAPACITY + 16];
    for (int i = 0; i < SPLITS; i++) TRY(copy_split(job, directory, i, &splits[i].tokens));
    TRY(tokenizer_copy_model(&job->tokenizer, directory));
    snprintf(source, sizeof source, "%s %s", job->request->format, path_leaf(job->request->in));
    dataset_content content = {.skipped_lines = -1,
        .tokens_only = true,
        .vocab_size = job->vocab_size,
        .tokenizer = &job->tokenizer,
        .source = source,
        .split_by = job->by_documents ? split_by_documents : split_by_source,
        .splits = splits};
    return dataset_write_meta(directory, &content, job->arena);
}

static sigmoe_status run_job(import_job *job, const char *out) {
    TRY(find_vocabulary(job));
    TRY(find_splits(job));
    for (int i = 0; i < SPLITS; i++)
        TRY(output_directory_spares(out, job->sources[i].path, "the input", "output"));
    TRY(output_begin(&job->output, out, OUTPUT_DATA, job->request->force));
    return output_end(&job->output, write_data(job, job->output.partial));
}

sigmoe_status import_data(const sigmoe_data_import_request *request) {
    char out[PATH_CAPACITY];
    arena *a;
    import_job *job;
    data_format format;
    if (!request->in || !request->out || !request->format)
        return fail(SIGMOE_BAD_ARGUMENT, "an import of data needs `format`, `in` and `out`");
    TRY(data_format_named(request->format, &format));
    TRY(path_of_output(out, request->out));
    TRY(output_directory_spares(out, request->tokenizer, "the tokenizer", "output"));
    TRY(ARENA_AROUND("imported data", a, job));
    job->request = request;
    job->format = format;
    job->arena = a;
    sigmoe_status status = run_job(job, out);
    arena_destroy(a);
    return status;
}
