#include "report/page_table.h"

#include "plot/page.h"
#include "report/row_verdicts.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

// In the page's order, which begins with what one acts on.
enum page_column { TEST, VERDICT, FLOPS, TIME, SPEED, MEMORY, VALID, PARAMETERS, PUBLISHED, COLUMNS };
static const enum table_column sources[COLUMNS] = {
    [TEST] = COLUMN_TEST,
    [FLOPS] = COLUMN_FLOPS,
    [TIME] = COLUMN_TIME,
    [SPEED] = COLUMN_SPEED,
    [MEMORY] = COLUMN_ACTIVATIONS,
    [VALID] = COLUMN_VALID,
    [PARAMETERS] = COLUMN_PARAMETERS,
    [PUBLISHED] = COLUMN_PUBLISHED,
};

typedef struct results {
    const figure_source *s;
    table_cells cells;
    row_verdict *verdicts;
    bool shown[COLUMNS];
} results;

static bool is_value(const char *cell) {
    return *cell && strcmp(cell, "-") != 0;
}

static void choose_columns(results *r) {
    for (int j = 0; j < COLUMNS; j++) {
        r->shown[j] = j == TEST || j == VERDICT;
        for (int i = TABLE_HEADINGS; j != VERDICT && i < r->cells.lines; i++)
            r->shown[j] = r->shown[j] || is_value(r->cells.cell[i][sources[j]]);
    }
}

// ---------------------------------------------------------------- headings

static void print_heading(FILE *out, const char *name, const char *unit, bool words) {
    fputs(words ? "<th scope=\"col\" class=\"words\">" : "<th scope=\"col\">", out);
    html_text(out, name);
    if (*unit) fputs("<br>", out);
    html_text(out, unit);
    fputs("</th>", out);
}

static void print_headings(FILE *out, const results *r) {
    const comparison_plan *p = r->s->c->plan;
    const char *unit = plan_unit(p), *published = p->sweep ? p->sweep->published_unit : "";
    const char *const names[COLUMNS][2] = {[TEST] = {"test", unit},
        [VERDICT] = {"verdict", ""},
        [FLOPS] = {"FF", "multiply-adds"},
        [TIME] = {"FF time", "of dense"},
        [SPEED] = {"training", "tokens/s"},
        [MEMORY] = {"peak", "activations"},
        [VALID] = {"valid", unit},
        [PARAMETERS] = {"parameters", "(to base)"},
        [PUBLISHED] = {"paper", published}};
    fputs("<thead><tr>", out);
    print_heading(out, "row", "", true);
    for (int j = 0; j < COLUMNS; j++)
        if (r->shown[j]) print_heading(out, names[j][0], names[j][1], j == VERDICT);
    fputs("</tr></thead>\n", out);
}

// ---------------------------------------------------------------- cells

// What follows "±", or stands in brackets, goes on a line of its own.
static void print_text(FILE *out, const char *text) {
    const char *rest = strstr(text, " (");
    if (!rest) rest = strstr(text, " ±");
    if (!rest) {
        html_text(out, text);
        return;
    }
    html_text_part(out, text, (size_t)(rest - text));
    fputs("<br><span class=\"spread\">", out);
    html_text(out, rest + 1);
    fputs("</span>", out);
}

static void open_cell(FILE *out, double value, const char *classes) {
    fputs("<td", out);
    if (*classes) fprintf(out, " class=\"%s\"", classes);
    if (isfinite(value))
        fprintf(out, " data-value=\"%.9g\">", value);
    else
        fputs(" data-value=\"\">", out);
}

static double number_of(const results *r, int row, int column) {
    const variant_summary *summary = &r->s->summaries[row];
    const compared_variant *v = &r->s->c->plan->variants[row];
    switch (column) {
    case TEST:
        return summary->test.mean;
    case FLOPS:
        return v->flops_share;
    case TIME:
        return summary->feedforward_share.median;
    case SPEED:
        return summary->tokens_per_second.median;
    case MEMORY:
        return summary->peak_activation_bytes;
    case VALID:
        return summary->valid.mean;
    case PARAMETERS:
        return (double)v->parameters;
    default:
        return v->published;
    }
}

static void print_verdict(FILE *out, const row_verdict *v) {
    open_cell(out, v->behind, v->leads ? "words best" : "words");
    html_text(out, v->text);
    if (*v->detail) {
        fputs("<br><span class=\"spread\">", out);
        html_text(out, v->detail);
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void print_row(FILE *out, const results *r, int row) {
    const char *const *cells = r->cells.cell[TABLE_HEADINGS + row];
    fprintf(out, "<tr><th scope=\"row\"%s><span class=\"swatch\" style=\"background:var(%s)\"></span>",
        r->verdicts[row].leads ? " class=\"best\"" : "", r->s->styles[row].property);
    html_text(out, cells[COLUMN_VARIANT]);
    fputs("</th>", out);
    for (int j = 0; j < COLUMNS; j++) {
        if (!r->shown[j]) continue;
        if (j == VERDICT) {
            print_verdict(out, &r->verdicts[row]);
            continue;
        }
        open_cell(out, number_of(r, row, j), j == TEST && r->verdicts[row].leads ? "best" : "");
        print_text(out, cells[sources[j]]);
        if (j == PARAMETERS) fprintf(out, "<br><span class=\"spread\">(%s)</span>", cells[COLUMN_PERCENT]);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void print_ngram(FILE *out, const results *r) {
    const comparison_result *c = r->s->c;
    const char *const *cells = r->cells.cell[r->cells.lines - 1];
    fprintf(out, "<tr><th scope=\"row\"><span class=\"swatch\" style=\"background:var(%s)\"></span>",
        figure_colors[COLOR_BASELINE].property);
    html_text(out, r->s->ngram);
    fputs("</th>", out);
    for (int j = 0; j < COLUMNS; j++) {
        if (!r->shown[j]) continue;
        double value = j == TEST    ? plan_score(c->plan, &c->ngram.test)
                       : j == VALID ? plan_score(c->plan, &c->ngram.valid)
                                    : NAN;
        open_cell(out, value, j == VERDICT ? "words" : "");
        html_text(out, j == VERDICT ? "counts, no model" : cells[sources[j]]);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

sigmoe_status page_table_print(FILE *out, const figure_source *s) {
    results r = {.s = s};
    TRY(table_cells_make(s->c, s->summaries, &r.cells));
    TRY(row_verdicts_make(s->c, s->summaries, &r.verdicts));
    choose_columns(&r);
    page_table_open(out, "Results", true);
    print_headings(out, &r);
    fputs("<tbody>\n", out);
    for (int i = 0; i < s->c->plan->variant_count; i++) print_row(out, &r, i);
    if (s->c->ngram.known) print_ngram(out, &r);
    fputs("</tbody>\n", out);
    page_table_close(out);
    return SIGMOE_OK;
}
