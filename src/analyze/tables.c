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
          "entropy_bits,token_entropy_bits,largest_share\n",
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

enum { PARTS = 6, CELL = 48 };

static const struct {
    const char *heading;
    int width; // with the gap before it
} parts[PARTS] = {{"layer", 5}, {"active channels", 17}, {"dead channels", 15}, {"dead experts", 14},
    {"usage entropy", 14}, {"token entropy", 14}};

// How many parts, from the first on, fit into `columns` (0: all of them).
static int parts_shown(int columns) {
    int count = 0, width = 0;
    while (count < PARTS && (columns <= 0 || width + parts[count].width <= columns))
        width += parts[count++].width;
    return count;
}

static void print_bits(char *cell, double bits) {
    if (isnan(bits))
        snprintf(cell, CELL, "-");
    else
        snprintf(cell, CELL, "%.2f", bits);
}

static void print_layer(FILE *out, const ff_statistics *f, int64_t layer, int shown) {
    char cell[PARTS][CELL];
    layer_summary s = summarize_layer(f, layer);
    snprintf(cell[0], CELL, "%" PRId64, layer);
    snprintf(cell[1], CELL, "%.1f ± %.1f", s.active, s.deviation);
    snprintf(cell[2], CELL, "%" PRId64 "/%" PRId64, s.dead_channels, s.channels);
    snprintf(cell[3], CELL, "-");
    if (s.experts >= 0) snprintf(cell[3], CELL, "%" PRId64 "/%" PRId64, s.dead_experts, s.experts);
    print_bits(cell[4], s.usage_entropy);
    print_bits(cell[5], s.token_entropy);
    for (int i = 0; i < shown; i++)
        fprintf(out, "%*s%s", parts[i].width - letter_count(cell[i]), "", cell[i]);
    fputc('\n', out);
}

static void print_model(FILE *out, const analyzed_model *m, int shown) {
    fprintf(out, "%s: %" PRId64 " token%s, %.4f nats per token\n", m->label, m->scores.tokens,
        plural(m->scores.tokens), m->scores.nats_per_token);
    for (int i = 0; i < shown; i++) fprintf(out, "%*s", parts[i].width, parts[i].heading);
    fputc('\n', out);
    for (int64_t l = 0; l < m->now->layers; l++) print_layer(out, m->now, l, shown);
}

sigmoe_status analysis_text(const analysis *a, char **out) {
    text_stream tables;
    TRY(text_stream_open(&tables));
    for (int i = 0; i < a->count; i++) {
        if (i > 0) fputc('\n', tables.out);
        print_model(tables.out, &a->models[i], parts_shown(a->request->columns));
    }
    TRY(text_stream_close(&tables));
    *out = tables.text;
    return SIGMOE_OK;
}
