// Verdicts as text, HTML, JSON and CSV.
#include "report/claims_output.h"

#include "compare/sweep_plan.h"
#include "formats/json_objects.h"
#include "plot/figure.h"
#include "plot/page.h"
#include "system/file.h"

#include <math.h>

enum { CELL_SIZE = 256 };
enum { CLAIM, ROWS, SOURCE, PAPER, OURS, PAIRS, VERDICT, COLUMNS };
static const char *const headings[COLUMNS] = {
    "claim", "rows", "source", "paper's difference", "difference, 95 % interval", "pairs", "verdict"};

static int decimals(const comparison_result *c) {
    return c->plan->bits ? 4 : 3;
}

static void fill_cells(const comparison_result *c, const claim_result *r, char cells[COLUMNS][CELL_SIZE]) {
    int n = decimals(c);
    snprintf(cells[CLAIM], CELL_SIZE, "%s", r->claim->text);
    snprintf(cells[ROWS], CELL_SIZE, "%s, %s", c->plan->variants[r->better].label,
        c->plan->variants[r->worse].label);
    snprintf(cells[SOURCE], CELL_SIZE, "%s", r->claim->source);
    snprintf(cells[PAPER], CELL_SIZE, isnan(r->published) ? "-" : "%+.2f", r->published);
    if (isnan(r->difference.mean))
        snprintf(cells[OURS], CELL_SIZE, "-");
    else
        snprintf(cells[OURS], CELL_SIZE, "%+.*f [%+.*f, %+.*f]", n, r->difference.mean, n, r->difference.low,
            n, r->difference.high);
    snprintf(cells[PAIRS], CELL_SIZE, "%d", r->difference.count);
    snprintf(cells[VERDICT], CELL_SIZE, "%s", claim_verdict_text(r->verdict));
}

static void print_note(FILE *out, const comparison_result *c) {
    fprintf(out,
        "Differences are of test scores (%s), the second row's minus the first's, paired by seed: "
        "above 0 is the claim's way.",
        plan_unit(c->plan));
    preset printed;
    if (c->plan->sweep && *c->plan->sweep->published_unit)
        fprintf(out, " The paper's are of its own scores, in %s.", c->plan->sweep->published_unit);
    if (claims_of_two_scores(c, &printed))
        fprintf(out, " It has two of σ-MoE here, %.2f beside dense (Tab. 3) and %.2f beside the others.",
            printed.about.published, printed.variant->published[printed.paper]);
}

static void print_withheld_note(FILE *out, const comparison_result *c) {
    fprintf(out,
        " Withheld is a verdict on two rows that both have a worse test score than the order-%d n-gram: they "
        "have not learned enough to be compared.",
        c->ngram.order);
}

static bool withholds(const claim_results *claims) {
    for (int i = 0; i < claims->count; i++)
        if (claims->results[i].verdict == CLAIM_WITHHELD) return true;
    return false;
}

// ---------------------------------------------------------------- text

static void widen(int widths[COLUMNS], int column, const char *text) {
    int letters = letter_count(text);
    if (letters > widths[column]) widths[column] = letters;
}

static void print_cell(FILE *out, const char *text, int width, bool last) {
    fprintf(out, "%s%*s", text, last ? 0 : width - letter_count(text) + 2, "");
}

void claims_print_text(FILE *out, const comparison_result *c, const claim_results *claims) {
    char cells[COLUMNS][CELL_SIZE];
    int widths[COLUMNS] = {0};
    if (claims->count == 0) return;
    for (int j = 0; j < COLUMNS; j++) widen(widths, j, headings[j]);
    for (int i = 0; i < claims->count; i++) {
        fill_cells(c, &claims->results[i], cells);
        for (int j = 0; j < COLUMNS; j++) widen(widths, j, cells[j]);
    }
    fputs("\nClaims of the paper. ", out);
    print_note(out, c);
    if (withholds(claims)) print_withheld_note(out, c);
    fputc('\n', out);
    for (int j = 0; j < COLUMNS; j++) print_cell(out, headings[j], widths[j], j == COLUMNS - 1);
    fputc('\n', out);
    for (int i = 0; i < claims->count; i++) {
        fill_cells(c, &claims->results[i], cells);
        for (int j = 0; j < COLUMNS; j++) print_cell(out, cells[j], widths[j], j == COLUMNS - 1);
        fputc('\n', out);
    }
}

// ---------------------------------------------------------------- HTML

void claims_print_html(FILE *out, const comparison_result *c, const claim_results *claims) {
    char cells[COLUMNS][CELL_SIZE];
    if (claims->count == 0) return;
    fputs("<section><h2>Claims of the paper</h2>\n", out);
    page_table_open(out, "Claims of the paper", true);
    fputs("<thead><tr>", out);
    for (int j = 0; j < COLUMNS; j++) fprintf(out, "<th scope=\"col\">%s</th>", headings[j]);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int i = 0; i < claims->count; i++) {
        fill_cells(c, &claims->results[i], cells);
        for (int j = 0; j < COLUMNS; j++) {
            fputs(j == 0 ? "<tr><th scope=\"row\">" : "<td>", out);
            html_text(out, cells[j]);
            fputs(j == 0 ? "</th>" : "</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
    page_table_close(out);
    fputs("<p class=\"small\">", out);
    print_note(out, c);
    if (withholds(claims)) print_withheld_note(out, c);
    fputs(" A claim holds where the 95 % interval (Student's t) lies above 0, does not where it lies "
          "below, and is within noise where 0 is inside; with fewer than three pairs there is no "
          "verdict.</p>\n</section>\n",
        out);
}

// ---------------------------------------------------------------- JSON

static sigmoe_status fill_object(json_t *object, const comparison_result *c, const claim_result *r) {
    TRY(json_put(object, "claim", json_string(r->claim->text)));
    TRY(json_put(object, "source", json_string(r->claim->source)));
    TRY(json_put(object, "better", json_string(c->plan->variants[r->better].label)));
    TRY(json_put(object, "worse", json_string(c->plan->variants[r->worse].label)));
    TRY(json_put(object, "published_difference", json_finite(r->published)));
    TRY(json_put(object, "pairs", json_integer(r->difference.count)));
    TRY(json_put(object, "difference", json_finite(r->difference.mean)));
    TRY(json_put(object, "low", json_finite(r->difference.low)));
    TRY(json_put(object, "high", json_finite(r->difference.high)));
    return json_put(object, "verdict", json_string(claim_verdict_text(r->verdict)));
}

sigmoe_status claims_to_json(const comparison_result *c, const claim_results *claims, json_t **out) {
    json_t *list = json_array();
    sigmoe_status status = list ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the claims");
    for (int i = 0; status == SIGMOE_OK && i < claims->count; i++) {
        json_t *object = json_object();
        status = json_array_append_new(list, object) == 0
                     ? fill_object(object, c, &claims->results[i])
                     : fail(SIGMOE_NO_MEMORY, "no memory for the claims");
    }
    return json_hand_out(status, list, out);
}

// ---------------------------------------------------------------- CSV

static void csv_number(FILE *out, double value) {
    if (isfinite(value)) fprintf(out, "%.10g", value);
    fputc(',', out);
}

typedef struct csv_contents {
    const comparison_result *c;
    const claim_results *claims;
} csv_contents;

static sigmoe_status print_csv(FILE *out, const void *context) {
    const csv_contents *csv = context;
    const comparison_result *c = csv->c;
    fputs("claim,source,better,worse,published_difference,pairs,difference,low,high,verdict\n", out);
    for (int i = 0; i < csv->claims->count; i++) {
        const claim_result *r = &csv->claims->results[i];
        fprintf(out, "\"%s\",\"%s\",%s,%s,", r->claim->text, r->claim->source,
            c->plan->variants[r->better].label, c->plan->variants[r->worse].label);
        csv_number(out, r->published);
        fprintf(out, "%d,", r->difference.count);
        csv_number(out, r->difference.mean);
        csv_number(out, r->difference.low);
        csv_number(out, r->difference.high);
        fprintf(out, "%s\n", claim_verdict_text(r->verdict));
    }
    return SIGMOE_OK;
}

sigmoe_status claims_write_csv(const comparison_result *c, const claim_results *claims) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/claims.csv", c->plan->request->out));
    return file_print(path, print_csv, &(csv_contents){c, claims});
}
