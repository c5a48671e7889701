#include "report/table.h"

#include "base/grouped.h"
#include "base/text_stream.h"
#include "compare/conclusion.h"
#include "compare/power.h"
#include "compare/sweep_plan.h"
#include "plot/figure.h"
#include "report/claims_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- cells

const char *grouped_text(arena *a, int64_t value) {
    return arena_text(a, "%s", grouped(value).text);
}

static const char *difference_cell(arena *a, int64_t difference) {
    const char *size = grouped_text(a, llabs(difference));
    return size ? arena_text(a, "%s%s", difference < 0 ? "−" : difference > 0 ? "+" : "", size) : NULL;
}

static const char *percent_cell(arena *a, double difference, double whole) {
    double percent = 100 * difference / whole;
    return arena_text(a, "%s%.2f %%", percent < 0 ? "−" : percent > 0 ? "+" : "", fabs(percent));
}

static const char *share_cell(arena *a, double share) {
    return isnan(share) ? "-" : arena_text(a, "%.1f %%", 100 * share);
}

// "38.2 % (37.9–40.1)"
static const char *time_cell(arena *a, quartiles share) {
    if (isnan(share.median)) return "";
    if (isnan(share.low) || isnan(share.high)) return share_cell(a, share.median);
    return arena_text(a, "%.1f %% (%.1f–%.1f)", 100 * share.median, 100 * share.low, 100 * share.high);
}

// "60,621 (58,940–61,002)"
static const char *speed_cell(arena *a, quartiles speed) {
    if (isnan(speed.median)) return "-";
    const char *median = grouped_text(a, llround(speed.median));
    if (isnan(speed.low) || isnan(speed.high)) return median;
    const char *low = grouped_text(a, llround(speed.low)), *high = grouped_text(a, llround(speed.high));
    return median && low && high ? arena_text(a, "%s (%s–%s)", median, low, high) : NULL;
}

static const char *bytes_cell(arena *a, double bytes) {
    if (isnan(bytes)) return "-";
    bool giga = bytes >= 1e9;
    return arena_text(a, "%.*f %s", giga ? 2 : 1, bytes / (giga ? 1e9 : 1e6), giga ? "GB" : "MB");
}

static const char *score_cell(arena *a, spread s, int decimals) {
    if (isnan(s.mean)) return "-";
    if (s.mean >= 1e7) return arena_text(a, "%.3g", s.mean); // a model that diverged in training
    if (isnan(s.deviation)) return arena_text(a, "%.*f", decimals, s.mean);
    return arena_text(a, "%.*f ± %.*f", decimals, s.mean, decimals, s.deviation);
}

static void head(const comparison_result *c, table_cells *t) {
    static const char *const words[TABLE_HEADINGS][TABLE_COLUMNS] = {
        {"variant", "parameters", "difference", "", "FF", "FF time", "training", "peak", "valid", "test",
            "paper"},
        {"", "", "to base", "in %", "FLOPs", "of dense", "tokens/s", "activations", "", "", ""}};
    memcpy(t->cell, words, sizeof words);
    t->cell[1][COLUMN_VALID] = t->cell[1][COLUMN_TEST] = plan_unit(c->plan);
    if (c->plan->sweep) t->cell[1][COLUMN_PUBLISHED] = c->plan->sweep->published_unit;
}

static void fill_line(const comparison_result *c, int i, const variant_summary *summary, const char **cell) {
    const compared_variant *v = &c->plan->variants[i];
    arena *a = c->arena;
    int64_t difference = v->parameters - c->plan->base_parameters;
    int decimals = plan_decimals(c->plan);
    cell[COLUMN_VARIANT] = v->label;
    cell[COLUMN_PARAMETERS] = grouped_text(a, v->parameters);
    cell[COLUMN_DIFFERENCE] = difference_cell(a, difference);
    cell[COLUMN_PERCENT] = percent_cell(a, (double)difference, (double)c->plan->base_parameters);
    cell[COLUMN_FLOPS] = share_cell(a, v->flops_share);
    cell[COLUMN_TIME] = time_cell(a, summary->feedforward_share);
    cell[COLUMN_SPEED] = speed_cell(a, summary->tokens_per_second);
    cell[COLUMN_ACTIVATIONS] = bytes_cell(a, summary->peak_activation_bytes);
    cell[COLUMN_VALID] = score_cell(a, summary->valid, decimals);
    cell[COLUMN_TEST] = score_cell(a, summary->test, decimals);
    cell[COLUMN_PUBLISHED] = isnan(v->published) ? "-" : arena_text(a, "%.2f", v->published);
}

static void fill_ngram(const comparison_result *c, const char **cell) {
    spread valid = {plan_score(c->plan, &c->ngram.valid), NAN};
    spread test = {plan_score(c->plan, &c->ngram.test), NAN};
    for (int i = 0; i < TABLE_COLUMNS; i++) cell[i] = "";
    cell[COLUMN_VARIANT] = arena_text(c->arena, "order-%d n-gram", c->ngram.order);
    cell[COLUMN_VALID] = score_cell(c->arena, valid, plan_decimals(c->plan));
    cell[COLUMN_TEST] = score_cell(c->arena, test, plan_decimals(c->plan));
}

sigmoe_status table_cells_make(
    const comparison_result *c, const variant_summary *summaries, table_cells *out) {
    out->lines = TABLE_HEADINGS + c->plan->variant_count + c->ngram.known;
    TRY(ARENA_NEW(c->arena, out->cell, out->lines));
    head(c, out);
    for (int i = 0; i < c->plan->variant_count; i++)
        fill_line(c, i, &summaries[i], out->cell[TABLE_HEADINGS + i]);
    if (c->ngram.known) fill_ngram(c, out->cell[out->lines - 1]);
    for (int i = 0; i < out->lines; i++)
        for (int j = 0; j < TABLE_COLUMNS; j++)
            if (!out->cell[i][j]) return SIGMOE_NO_MEMORY;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- text

static int column_width(const table_cells *t, int column) {
    int width = 0;
    for (int i = 0; i < t->lines; i++) {
        int points = letter_count(t->cell[i][column]);
        if (points > width) width = points;
    }
    return width;
}

enum { LEFT_OUT = -1 }; // the width of a column that is not shown

static int line_width(const int *widths) {
    int total = -2;
    for (int j = 0; j < TABLE_COLUMNS; j++)
        if (widths[j] != LEFT_OUT) total += widths[j] + 2;
    return total;
}

// Leaves out what matters least, until the lines are at most `columns` wide. The row's name and its test score stay.
static void fit_widths(int columns, int *widths) {
    static const enum table_column first_out[] = {COLUMN_PERCENT, COLUMN_DIFFERENCE, COLUMN_ACTIVATIONS,
        COLUMN_PARAMETERS, COLUMN_SPEED, COLUMN_PUBLISHED, COLUMN_VALID, COLUMN_TIME, COLUMN_FLOPS};
    for (size_t i = 0; i < sizeof first_out / sizeof *first_out && line_width(widths) > columns; i++)
        widths[first_out[i]] = LEFT_OUT;
}

static void print_line(FILE *out, const table_cells *t, int line, const int *widths) {
    for (int j = 0; j < TABLE_COLUMNS; j++) {
        if (widths[j] == LEFT_OUT) continue;
        const char *text = t->cell[line][j];
        int space = widths[j] - letter_count(text);
        if (j == COLUMN_VARIANT)
            fprintf(out, "%s%*s", text, space, "");
        else
            fprintf(out, "  %*s%s", space, "", text);
    }
    fputc('\n', out);
}

static void print_rule(FILE *out, const int *widths) {
    for (int i = line_width(widths); i > 0; i--) fputs("─", out);
    fputc('\n', out);
}

// Why a run has no score; NULL if it has one.
static const char *score_lack(const comparison_result *c, int variant, int seed) {
    const run_result *r = result_run(c, variant, seed);
    if (r->failure) return r->failure;
    return isfinite(plan_score(c->plan, &r->test)) ? NULL : "its loss is beyond what a perplexity can say";
}

static void print_lacks(FILE *out, const comparison_result *c) {
    for (int i = 0; i < c->plan->variant_count; i++)
        for (int s = 0; s < c->plan->variants[i].seeds; s++) {
            const char *lack = score_lack(c, i, s);
            if (lack)
                fprintf(out, "%s, seed %" PRIu64 ": no score; %s\n", c->plan->variants[i].label,
                    plan_seed(c->plan, s), lack);
        }
}

static bool lacks_scores(const comparison_result *c) {
    for (int i = 0; i < c->plan->variant_count; i++)
        for (int s = 0; s < c->plan->variants[i].seeds; s++)
            if (score_lack(c, i, s)) return true;
    return false;
}

static void print_table(FILE *out, const comparison_result *c, const table_cells *t, int columns) {
    int widths[TABLE_COLUMNS];
    for (int j = 0; j < TABLE_COLUMNS; j++) widths[j] = column_width(t, j);
    if (columns > 0) fit_widths(columns, widths);
    for (int i = 0; i < t->lines; i++) {
        if (i == TABLE_HEADINGS || (c->ngram.known && i == t->lines - 1)) print_rule(out, widths);
        print_line(out, t, i, widths);
    }
    if (c->plan->seed_count > 1 && (plan_is_uneven(c->plan) || lacks_scores(c)))
        fprintf(out,
            "± is the sample standard deviation over a row's seeds with a score, %d at most; a row without "
            "it has one.\n",
            c->plan->seed_count);
    else if (c->plan->seed_count > 1)
        fprintf(out, "± is the sample standard deviation over %d seeds.\n", c->plan->seed_count);
    fprintf(out, "FF time and tokens/s are of the median step%s, the middle half of the steps in brackets.\n",
        c->plan->seed_count > 1 ? ", medians over seeds" : "");
    print_lacks(out, c);
}

static void print_answer(FILE *out, const char *conclusion, const char *power) {
    if (*conclusion) fprintf(out, "\n%s\n", conclusion);
    if (*power) fprintf(out, "\n%s\n", power);
}

sigmoe_status table_text(
    const comparison_result *c, const variant_summary *summaries, int columns, char **out) {
    claim_results claims = {0};
    table_cells cells;
    judgement j;
    const char *conclusion, *power;
    text_stream text;
    TRY(table_cells_make(c, summaries, &cells));
    TRY(judge(c, summaries, test_scores, &j));
    TRY(conclusion_of(c, summaries, &j, &conclusion));
    TRY(power_text(c, &j, &power));
    if (c->plan->sweep) TRY(claims_of(c, &claims));
    TRY(text_stream_open(&text));
    print_table(text.out, c, &cells, columns);
    print_answer(text.out, conclusion, power);
    claims_print_text(text.out, c, &claims);
    TRY(text_stream_close(&text));
    *out = text.text;
    return SIGMOE_OK;
}
