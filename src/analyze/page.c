#include "analyze/page.h"

#include "analyze/layer_summary.h"
#include "analyze/occasions.h"
#include "plot/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXPERTS_SHOWN = 32 }; // per layer, those with the largest weight; the CSV file has all

// Prints text that may contain any bytes, such as paths and names from files.
static sigmoe_status html_bytes(FILE *out, const analysis *a, const char *bytes) {
    const char *text;
    TRY(visible_text(a->arena, bytes, strlen(bytes), &text));
    html_text(out, text);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what one would say

// A range of whole percentages or numbers, or one if they are equal.
static void print_range(FILE *out, double low, double high, const char *unit) {
    if (lround(low) == lround(high))
        fprintf(out, "%.0f%s", high, unit);
    else
        fprintf(out, "%.0f to %.0f%s", low, high, unit);
}

static void print_channels(FILE *out, const analyzed_model *m) {
    value_range active = range_empty();
    int64_t dead = 0;
    layer_summary s = {0};
    for (int64_t l = 0; l < m->now->layers; l++) {
        s = summarize_layer(m->now, l);
        range_add(&active, 100 * s.active / (double)s.channels);
        dead += s.dead_channels;
    }
    fprintf(out, "%s: a token uses ", m->label);
    print_range(out, active.low, active.high, " %");
    fprintf(out, " of the %" PRId64 " channels of a layer; ", s.channels);
    if (dead == 0)
        fputs("none is dead in this text.", out);
    else
        fprintf(out, "%" PRId64 " of %" PRId64 " in all %s dead: never above 0 in this text.", dead,
            s.channels * m->now->layers, dead == 1 ? "is" : "are");
}

static void print_experts(FILE *out, const analyzed_model *m) {
    value_range in_use = range_empty();
    double largest = 0;
    int64_t dead = 0, busiest = 0, experts = m->now->experts;
    for (int64_t l = 0; l < m->now->layers; l++) {
        layer_summary s = summarize_layer(m->now, l);
        dead += s.dead_experts;
        range_add(&in_use, 100 * exp2(s.usage_entropy) / (double)experts);
        if (s.largest_share > largest) largest = s.largest_share, busiest = l;
    }
    if (dead == 0)
        fputs(" No expert is dead", out);
    else
        fprintf(out, " %" PRId64 " of its %" PRId64 " experts %s dead: never picked", dead,
            experts * m->now->layers, dead == 1 ? "is" : "are");
    fputs("; use is as even as if ", out);
    print_range(out, in_use.low, in_use.high, " %");
    fprintf(out,
        " of a layer's %" PRId64
        " were used alike. The busiest takes %.0f %% of the selection weight of layer %" PRId64
        ", where an equal share is %.1f %%.",
        experts, 100 * largest, busiest, 100 / (double)experts);
}

static void print_summaries(FILE *out, const analysis *a) {
    for (int i = 0; i < a->count; i++) {
        fputs("<p class=\"first answer\">", out);
        print_channels(out, &a->models[i]);
        if (a->models[i].now->experts > 0) print_experts(out, &a->models[i]);
        fputs("</p>\n", out);
    }
    if (a->count > 1 && a->request->figures) page_legend(out, a->names, a->styles, a->count);
}

static sigmoe_status print_intro(FILE *out, const analysis *a) {
    const sigmoe_analyze_request *r = a->request;
    char name[DATASET_NAME];
    fprintf(out,
        "<p class=\"first small\">What the feedforward blocks of %d %s do to %" PRId64
        " token%s of the %s split of ",
        a->count, a->count == 1 ? "model" : "models", a->models[0].scores.tokens,
        plural(a->models[0].scores.tokens), r->split);
    dataset_name(&a->data, name);
    TRY(html_bytes(out, a, name));
    fputs(
        ": which channels are above 0, which experts are picked, with what weight, and for which tokens. The "
        "numbers of each figure are in the CSV file of its name.</p>\n",
        out);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- table

static void cell(FILE *out, double value, int decimals) {
    if (isnan(value))
        fputs("<td>-</td>", out);
    else
        fprintf(out, "<td>%.*f</td>", decimals, value);
}

static void print_layer(FILE *out, const analysis *a, int index, int64_t layer) {
    const analyzed_model *m = &a->models[index];
    layer_summary s = summarize_layer(m->now, layer);
    fprintf(out,
        "<tr><th scope=\"row\"><span class=\"swatch\" style=\"background:var(%s)\"></span>%s</th><td>%" PRId64
        "</td><td>%.1f ± %.1f</td><td>%.1f %%</td><td>%" PRId64 "</td>",
        a->styles[index].property, m->label, layer, s.active, s.deviation,
        100 * s.active / (double)s.channels, s.dead_channels);
    cell(out, s.experts < 0 ? NAN : (double)s.dead_experts, 0);
    cell(out, s.usage_entropy, 2);
    cell(out, s.experts < 0 ? NAN : log2((double)s.experts), 2);
    cell(out, s.token_entropy, 2);
    cell(out, 100 * s.largest_share, 1);
    fputs("</tr>\n", out);
}

static sigmoe_status print_table(FILE *out, const analysis *a) {
    fputs("<section><h2>Layers</h2>\n", out);
    page_table_open(out, "Layers", true);
    fputs("<thead><tr>", out);
    static const char *const headings[] = {"model", "layer", "active<br>channels", "of all",
        "dead<br>channels", "dead<br>experts", "usage<br>entropy", "at most", "token<br>entropy",
        "largest<br>share, %"};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        fprintf(out, "<th scope=\"col\">%s</th>", headings[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (int i = 0; i < a->count; i++)
        for (int64_t l = 0; l < a->models[i].now->layers; l++) print_layer(out, a, i, l);
    fputs("</tbody>\n", out);
    page_table_close(out);
    fputs("<p class=\"small\">Active: mean ± standard deviation over tokens. Dead: "
          "never above 0, never picked, in this text. Entropies in bits: of the experts' shares of the "
          "selection weight (at most log2 N_E, equal use), and of the softmax of a token's logits, on "
          "average.</p>\n",
        out);
    for (int i = 0; i < a->count; i++) {
        const analyzed_model *m = &a->models[i];
        fprintf(out, "<p class=\"small\">%s: %.4f nats per token; ", m->label, m->scores.nats_per_token);
        TRY(html_bytes(out, a, m->path));
        fputs("</p>\n", out);
    }
    fputs("</section>\n", out);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- figures

static void print_drawings(FILE *out, const analysis *a) {
    const char *section = NULL;
    for (int i = 0; i < a->drawn; i++) {
        const drawing *d = &a->drawings[i];
        if (!section || strcmp(section, d->section) != 0) {
            if (section) fputs("</div></section>\n", out);
            fprintf(out, "<section><h2>%s</h2>\n<div class=\"figures\">\n", d->section);
            section = d->section;
        }
        page_figure(out, &d->figure);
    }
    fputs("</div></section>\n", out);
}

// ---------------------------------------------------------------- what experts fire on

typedef struct ranked_expert {
    double share;
    int64_t expert;
} ranked_expert;

static int by_share(const void *a, const void *b) {
    const ranked_expert *x = a, *y = b;
    if (x->share != y->share) return x->share < y->share ? 1 : -1;
    return (x->expert > y->expert) - (x->expert < y->expert);
}

static void print_occasion(FILE *out, const occasion_text *t, double weight) {
    fprintf(out, "<td class=\"number\">%.3f</td><td><span class=\"quiet\">", weight);
    html_text(out, t->before);
    fputs("</span><mark>", out);
    html_text(out, t->token);
    fputs("</mark><span class=\"quiet\">", out);
    html_text(out, t->after);
    fputs("</span></td></tr>\n", out);
}

static sigmoe_status print_expert(FILE *out, const analysis *a, const token_reader *reader,
    const ff_layer_statistics *l, const ranked_expert *r) {
    const ff_occasion *list = l->occasion + r->expert * FF_OCCASIONS;
    int count = 0;
    while (count < FF_OCCASIONS && list[count].position >= 0) count++;
    for (int i = 0; i < count; i++) {
        occasion_text text;
        TRY(occasion_read(a, reader, &list[i], &text));
        fputs("<tr>", out);
        if (i == 0)
            fprintf(out,
                "<th scope=\"rowgroup\" rowspan=\"%d\">%" PRId64
                "<br><span class=\"quiet\">%.1f %%</span></th>",
                count, r->expert, 100 * r->share);
        print_occasion(out, &text, list[i].weight);
    }
    return SIGMOE_OK;
}

static sigmoe_status print_layer_experts(
    FILE *out, const analysis *a, const token_reader *reader, const analyzed_model *m, int64_t layer) {
    double *share;
    ranked_expert *ranked;
    int64_t experts = m->now->experts, shown = experts < EXPERTS_SHOWN ? experts : EXPERTS_SHOWN;
    TRY(weight_shares(a->arena, m->now, layer, &share));
    TRY(ARENA_NEW(a->arena, ranked, experts));
    for (int64_t e = 0; e < experts; e++) ranked[e] = (ranked_expert){share[e], e};
    qsort(ranked, (size_t)experts, sizeof *ranked, by_share);
    fprintf(out,
        "<details><summary>Layer %" PRId64 "</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"%s, layer %" PRId64 "\"><table class=\"fires\"><thead><tr><th scope=\"col\">expert</th>"
        "<th scope=\"col\">weight</th><th scope=\"col\">token in its context</th></tr></thead><tbody>\n",
        layer, m->label, layer);
    for (int64_t i = 0; i < shown; i++) TRY(print_expert(out, a, reader, &m->now->layer[layer], &ranked[i]));
    fputs("</tbody></table></div></details>\n", out);
    return SIGMOE_OK;
}

static sigmoe_status print_layers_experts(
    FILE *out, const analysis *a, const token_reader *reader, const analyzed_model *m) {
    for (int64_t l = 0; l < m->now->layers; l++) {
        arena_mark mark = arena_here(a->arena);
        TRY(print_layer_experts(out, a, reader, m, l));
        arena_release(a->arena, mark);
    }
    return SIGMOE_OK;
}

static sigmoe_status print_fires(FILE *out, const analysis *a, int index) {
    const analyzed_model *m = &a->models[index];
    token_reader reader;
    fprintf(out,
        "<section><h2>What the experts of %s fire on</h2>\n<p class=\"small\">The %d tokens that each expert "
        "served with the highest weight, each token once, and the expert's share of the selection weight%s. "
        "Where weights are equal, as those of the hash and random routers always are, the tokens are a "
        "sample of the text, in no order. ↵ is the end of a line; bytes that are no text are written as "
        "\\x1b.</p>\n",
        m->label, FF_OCCASIONS,
        m->now->experts > EXPERTS_SHOWN ? "; the 32 experts with the greatest share" : "");
    TRY(token_reader_open(analysis_tokenizer(a, index), &reader));
    sigmoe_status status = print_layers_experts(out, a, &reader, m);
    token_reader_close(&reader);
    fputs("</section>\n", out);
    return status;
}

// ---------------------------------------------------------------- the page

static sigmoe_status print_page(FILE *out, const void *context) {
    const analysis *a = context;
    page_open(
        out, &(page_head){.title = "What feedforward blocks do", .rows = a->styles, .row_count = a->count});
    print_summaries(out, a);
    TRY(print_intro(out, a));
    TRY(print_table(out, a));
    if (a->request->figures) print_drawings(out, a);
    for (int i = 0; i < a->count; i++)
        if (a->models[i].now->experts > 0) TRY(print_fires(out, a, i));
    page_close(out);
    return SIGMOE_OK;
}

sigmoe_status analysis_write_page(const analysis *a) {
    return analysis_write(a, "report.html", print_page, a);
}
