#include "interchange/export_data.h"

#include "data/dataset.h"
#include "data/dataset_meta.h"
#include "formats/megatron_index.h"
#include "interchange/data_format.h"
#include "system/output_directory.h"

#include <endian.h>
#include <inttypes.h>

enum { BLOCK = 1 << 10, NARROW_IDS = 1 << 16 };

static sigmoe_status write_tokens(file_writer *w, const token_split *tokens, bool wide) {
    int32_t ids[BLOCK];
    uint16_t narrow_ids[BLOCK];
    int64_t all = token_split_count(tokens);
    for (int64_t done = 0; done < all;) {
        int64_t count = all - done < BLOCK ? all - done : BLOCK;
        TRY(token_split_copy(tokens, done, count, ids));
        for (int64_t i = 0; i < count; i++) {
            narrow_ids[i] = htole16((uint16_t)ids[i]);
            ids[i] = (int32_t)htole32((uint32_t)ids[i]);
        }
        const void *bytes = wide ? (const void *)ids : narrow_ids;
        TRY(file_writer_write(w, bytes, (size_t)count * (wide ? 4 : 2)));
        done += count;
    }
    return SIGMOE_OK;
}

// Too large for the stack.
typedef struct export_job {
    data_format format;
    dataset data;
    char out[PATH_CAPACITY];
    output_directory directory;
    char prefix[PATH_CAPACITY], path[PATH_CAPACITY]; // of the split at hand
    file_writer writer;
} export_job;

static bool is_wide(const export_job *job) {
    return job->data.vocab_size > NARROW_IDS;
}

static sigmoe_status write_split(export_job *job, const token_split *tokens, int split) {
    bool wide = is_wide(job);
    TRY(path_format(job->prefix, "%s/%s", job->directory.partial, data_format_split(job->format, split)));
    TRY(path_format(job->path, "%s.bin", job->prefix));
    TRY(file_writer_open(&job->writer, job->path));
    TRY(file_writer_end(&job->writer, write_tokens(&job->writer, tokens, wide)));
    if (job->format == DATA_NANOGPT) return SIGMOE_OK;
    return megatron_write_index(job->prefix, wide ? MEGATRON_I32 : MEGATRON_U16, token_split_count(tokens));
}

static sigmoe_status write_all(export_job *job) {
    for (int i = 0; i < SPLITS; i++) {
        token_split *tokens;
        TRY(dataset_open_split(&job->data, split_names[i], &tokens));
        sigmoe_status status = write_split(job, tokens, i);
        token_split_close(tokens);
        TRY(status);
    }
    return tokenizer_copy_model(&job->data.tokenizer, job->directory.partial);
}

static sigmoe_status run_job(export_job *job, const sigmoe_data_export_request *request) {
    TRY(data_format_named(request->format, &job->format));
    TRY(dataset_open(request->data, &job->data));
    if (job->format == DATA_NANOGPT && is_wide(job))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the tokens of nanoGPT have 2 bytes, for up to %d ids, and %s has %" PRId64 ": use megatron",
            NARROW_IDS, request->data, job->data.vocab_size);
    TRY(path_of_output(job->out, request->out));
    TRY(output_directory_spares(job->out, request->data, "the data", "output"));
    TRY(output_begin(&job->directory, job->out, OUTPUT_SHARDS, request->force));
    return output_end(&job->directory, write_all(job));
}

sigmoe_status export_data(const sigmoe_data_export_request *request) {
    arena *a;
    export_job *job;
    if (!request->data || !request->out || !request->format)
        return fail(SIGMOE_BAD_ARGUMENT, "an export of data needs `data`, `format` and `out`");
    TRY(ARENA_AROUND("exported data", a, job));
    sigmoe_status status = run_job(job, request);
    arena_destroy(a);
    return status;
}
