#include "analyze/tables.h"

#include "analyze/layer_summary.h"
#include "analyze/occasions.h"
#include "base/text_stream.h"

#include <inttypes.h>

static void csv_number(FILE *out, double value) {
    fputc(',', out);
    if (isfinite(value)) fprintf(out, "%.10g", value);
}

static void csv_text(FILE *out, const char *text) {
    fputs(",\"", out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

// ---------------------------------------------------------------- layers

static void print_layer_csv(FILE *out, const analyzed_model *m, int64_t layer) {
    layer_summary s = summarize_layer(m->now, layer);
    fprintf(out, "%s,%" PRId64 ",%" PRId64, m->label, layer, m->now->layer[layer].tokens);
    const double numbers[] = {(double)s.channels, s.active, s.deviation, (double)s.dead_channels,
        s.experts < 0 ? NAN : (double)s.experts, s.experts < 0 ? NAN : (double)s.dead_experts,
        s.usage_entropy, s.token_entropy, s.largest_share};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) csv_number(out, numbers[i]);
    fputc('\n', out);
}

static sigmoe_status print_layers(FILE *out, const void *context) {
    const analysis *a = context;
    fputs("model,layer,tokens,channels,active_mean,active_std,dead_channels,experts,dead_experts,usage_"
          "entropy_bits,"
          "token_entropy_bits,largest_share\n",
        out);
    for (int i = 0; i < a->count; i++)
        for (int64_t l = 0; l < a->models[i].now->layers; l++) print_layer_csv(out, &a->models[i], l);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what experts fire on

static sigmoe_status print_occasions(FILE *out, const analysis *a, const token_reader *reader,
    const analyzed_model *m, int64_t layer, int64_t expert) {
    const ff_occasion *list = m->now->layer[layer].occasion + expert * FF_OCCASIONS;
    for (int i = 0; i < FF_OCCASIONS && list[i].position >= 0; i++) {
        occasion_text text;
        TRY(occasion_read(a, reader, &list[i], &text));
        fprintf(out, "%" PRId64 ",%" PRId64 ",%d,%.9g,%" PRId64 ",%d", layer, expert, i + 1, list[i].weight,
            list[i].position, (int)list[i].token);
        csv_text(out, text.before);
        csv_text(out, text.token);
        csv_text(out, text.after);
        fputc('\n', out);
    }
    return SIGMOE_OK;
}

typedef struct token_table {
    const analysis *a;
    const token_reader *reader;
    const analyzed_model *m;
} token_table;

static sigmoe_status print_tokens(FILE *out, const void *context) {
    const token_table *t = context;
    fputs("layer,expert,rank,weight,position,token,before,text,after\n", out);
    for (int64_t l = 0; l < t->m->now->layers; l++)
        for (int64_t e = 0; e < t->m->now->experts; e++) {
            arena_mark mark = arena_here(t->a->arena);
            TRY(print_occasions(out, t->a, t->reader, t->m, l, e));
            arena_release(t->a->arena, mark);
        }
    return SIGMOE_OK;
}

static sigmoe_status write_tokens(const analysis *a, int index) {
    token_reader reader;
    token_table t = {a, &reader, &a->models[index]};
    char name[LABEL_CAPACITY + 16];
    snprintf(name, sizeof name, "%s-tokens.csv", t.m->label);
    TRY(token_reader_open(analysis_tokenizer(a, index), &reader));
    sigmoe_status status = analysis_write(a, name, print_tokens, &t);
    token_reader_close(&reader);
    return status;
}

sigmoe_status analysis_write_tables(const analysis *a) {
    TRY(analysis_write(a, "layers.csv", print_layers, a));
    for (int i = 0; i < a->count; i++)
        if (a->models[i].now->experts > 0) TRY(write_tokens(a, i));
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- terminal

static void print_bits(FILE *out, double bits) {
    if (isnan(bits))
        fprintf(out, "%14s", "-");
    else
        fprintf(out, "%14.2f", bits);
}

static void print_model(FILE *out, const analyzed_model *m) {
    fprintf(out, "%s: %" PRId64 " token%s, %.4f nats per token\n", m->label, m->scores.tokens,
        plural(m->scores.tokens), m->scores.nats_per_token);
    fprintf(out, "%5s %22s %14s %13s %14s %14s\n", "layer", "active channels", "dead channels",
        "dead experts", "usage entropy", "token entropy");
    for (int64_t l = 0; l < m->now->layers; l++) {
        layer_summary s = summarize_layer(m->now, l);
        fprintf(out, "%5" PRId64 " %10.1f ± %-9.1f %6" PRId64 "/%-7" PRId64, l, s.active, s.deviation,
            s.dead_channels, s.channels);
        if (s.experts < 0)
            fprintf(out, " %13s", "-");
        else
            fprintf(out, " %6" PRId64 "/%-6" PRId64, s.dead_experts, s.experts);
        fputc(' ', out);
        print_bits(out, s.usage_entropy);
        fputc(' ', out);
        print_bits(out, s.token_entropy);
        fputc('\n', out);
    }
}

sigmoe_status analysis_text(const analysis *a, char **out) {
    text_stream tables;
    TRY(text_stream_open(&tables));
    for (int i = 0; i < a->count; i++) {
        if (i > 0) fputc('\n', tables.out);
        print_model(tables.out, &a->models[i]);
    }
    TRY(text_stream_close(&tables));
    *out = tables.text;
    return SIGMOE_OK;
}
