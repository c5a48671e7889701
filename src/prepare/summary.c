#include "prepare/summary.h"

#include "base/grouped.h"
#include "base/text_stream.h"
#include "data/dataset.h"
#include "data/dataset_meta.h"
#include "formats/json_options.h"
#include "system/path.h"

#include <stdlib.h>
#include <string.h>

// "-" where meta.json, which another program may have written, does not say.
static void print_size(FILE *out, int64_t size) {
    fprintf(out, "  %15s", size < 0 ? "-" : grouped(size).text);
}

static void print_score(FILE *out, const json_t *score, const char *key) {
    const json_t *value = json_object_get(score, key);
    if (json_is_real(value))
        fprintf(out, "  %8.3f", json_real_value(value));
    else
        fprintf(out, "  %8s", "-");
}

static void print_split(FILE *out, const dataset *d, const json_t *meta, const char *name) {
    const split_sizes *sizes = dataset_split(d, name);
    const json_t *files = json_object_get(json_object_get(json_object_get(meta, "splits"), name), "files");
    const json_t *score = json_object_get(json_object_get(meta, "ngram"), name);
    fprintf(out, "%-5s", name);
    print_size(out, sizes->tokens);
    print_size(out, sizes->bytes);
    print_score(out, score, "bigram");
    print_score(out, score, "trigram");
    if (json_is_integer(files)) fprintf(out, "  %6" JSON_INTEGER_FORMAT, json_integer_value(files));
    fputc('\n', out);
}

static void print_vocabulary(FILE *out, const dataset *d) {
    static const char *const of[] = {
        [TOKENIZER_NONE] = "token", [TOKENIZER_BYTES] = "byte", [TOKENIZER_SENTENCEPIECE] = "piece"};
    fprintf(out, "vocabulary: %s %s%s", grouped(d->vocab_size).text, of[d->tokenizer.type],
        plural(d->vocab_size));
    if (d->tokenizer.type == TOKENIZER_SENTENCEPIECE) fputs(" of SentencePiece", out);
}

static void print_split_by(FILE *out, const json_t *meta) {
    const char *way = json_string_value(json_object_get(meta, "split_by"));
    if (!way) return;
    if (strcmp(way, split_by_files) == 0)
        fputs("; split by whole files, shuffled", out);
    else if (strcmp(way, split_by_position) == 0)
        fputs("; split at 90 and 95 % of the bytes", out);
    else if (strcmp(way, split_by_documents) == 0)
        fputs("; split between documents, near 90 and 95 % of the tokens", out);
    else
        fputs("; splits as given", out);
}

static void print(FILE *out, const dataset *d, const json_t *meta) {
    const json_t *ngram = json_object_get(meta, "ngram");
    const char *unit = json_string_value(json_object_get(ngram, "unit"));
    bool files = json_object_get(json_object_get(json_object_get(meta, "splits"), split_names[0]), "files");
    print_vocabulary(out, d);
    print_split_by(out, meta);
    fprintf(out, "\n\n%-5s  %15s  %15s  %8s  %8s%s\n", "", "tokens", "bytes", "bigram", "trigram",
        files ? "   files" : "");
    for (int split = 0; split < SPLITS; split++) print_split(out, d, meta, split_names[split]);
    if (unit)
        fprintf(out,
            "\nbigram, trigram: %s of a model that counts %s tokens of train; train's are of other parts of "
            "it\n",
            unit, grouped(json_integer_value(json_object_get(ngram, "counted"))).text);
}

static sigmoe_status summarize(const dataset *d, const json_t *meta, char **out) {
    text_stream text;
    TRY(text_stream_open(&text));
    print(text.out, d, meta);
    TRY(text_stream_close(&text));
    *out = text.text;
    return SIGMOE_OK;
}

sigmoe_status data_summary(const char *directory, char **out) {
    char path[PATH_CAPACITY];
    dataset d;
    json_t *meta;
    TRY(dataset_open(directory, &d));
    TRY(path_format(path, "%s/meta.json", directory));
    TRY(json_read_object(path, &meta));
    sigmoe_status status = summarize(&d, meta, out);
    json_decref(meta);
    return status;
}
