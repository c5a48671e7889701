#include "train/compare_table.h"

#include "train/claims.h"
#include "train/figure.h"
#include "train/sweep_plan.h"
#include "train/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- numbers

static spread spread_of(const double *values, int count) {
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    double mean = count > 0 ? sum / count : NAN;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    return (spread){mean, count > 1 ? sqrt(squares / (count - 1)) : NAN};
}

// Values that are not known, or beyond what a double holds, are left out.
static void append_known(double *values, int *count, double value) {
    if (isfinite(value)) values[(*count)++] = value;
}

typedef double result_value(const comparison *c, const run_result *r);

static double valid_score(const comparison *c, const run_result *r) {
    return comparison_score(c, &r->valid);
}
static double test_score(const comparison *c, const run_result *r) {
    return comparison_score(c, &r->test);
}
static quartiles speed(const run_result *r) {
    return r->tokens_per_second;
}
static quartiles feedforward(const run_result *r) {
    return r->feedforward_seconds;
}

// `values` has room for a value a seed.
static spread over_seeds(const comparison *c, int variant, result_value *value, double *values) {
    int count = 0;
    for (int s = 0; s < c->variants[variant].seeds; s++)
        append_known(values, &count, value(c, comparison_result(c, variant, s)));
    return spread_of(values, count);
}

static quartiles times_over_seeds(
    const comparison *c, int variant, quartiles (*of)(const run_result *r), double *medians) {
    double low = NAN, high = NAN; // fmin and fmax pass over NaN
    int count = 0;
    for (int s = 0; s < c->variants[variant].seeds; s++) {
        quartiles run = of(comparison_result(c, variant, s));
        append_known(medians, &count, run.median);
        low = fmin(low, run.low);
        high = fmax(high, run.high);
    }
    return (quartiles){low, quartiles_of(medians, count).median, high};
}

static double dense_feedforward_seconds(const comparison *c, const table_row *rows) {
    for (int i = 0; i < c->variant_count; i++)
        if (strcmp(c->variants[i].row->name, "dense") == 0) return rows[i].feedforward_seconds.median;
    return NAN;
}

sigmoe_status table_rows(const comparison *c, table_row **out) {
    double *values;
    table_row *rows;
    TRY(ARENA_NEW(c->arena, rows, c->variant_count));
    TRY(ARENA_NEW(c->arena, values, c->seed_count));
    for (int i = 0; i < c->variant_count; i++) {
        rows[i] = (table_row){.valid = over_seeds(c, i, valid_score, values),
            .test = over_seeds(c, i, test_score, values),
            .tokens_per_second = times_over_seeds(c, i, speed, values),
            .feedforward_seconds = times_over_seeds(c, i, feedforward, values),
            .peak_activation_bytes = NAN};
        for (int s = 0; s < c->variants[i].seeds; s++) // fmax passes over NaN
            rows[i].peak_activation_bytes =
                fmax(rows[i].peak_activation_bytes, comparison_result(c, i, s)->peak_activation_bytes);
    }
    double dense = dense_feedforward_seconds(c, rows);
    for (int i = 0; i < c->variant_count; i++) {
        quartiles own = rows[i].feedforward_seconds;
        rows[i].feedforward_share = (quartiles){own.low / dense, own.median / dense, own.high / dense};
    }
    *out = rows;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- cells

const char *grouped_text(arena *a, int64_t value) {
    char digits[32], grouped[48];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) grouped[used++] = ',';
        grouped[used++] = digits[i];
    }
    grouped[used] = '\0';
    return arena_text(a, "%s", grouped);
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
    if (s.mean >= 1e7) return arena_text(a, "%.3g", s.mean); // a model that training has ruined
    if (isnan(s.deviation)) return arena_text(a, "%.*f", decimals, s.mean);
    return arena_text(a, "%.*f ± %.*f", decimals, s.mean, decimals, s.deviation);
}

static void head(const comparison *c, table_cells *t) {
    static const char *const words[TABLE_HEADINGS][TABLE_COLUMNS] = {
        {"variant", "parameters", "difference", "", "FF", "FF time", "training", "peak", "valid", "test",
            "paper"},
        {"", "", "to base", "in %", "FLOPs", "of dense", "tokens/s", "activations", "", "", ""}};
    memcpy(t->cell, words, sizeof words);
    t->cell[1][COLUMN_VALID] = t->cell[1][COLUMN_TEST] = comparison_unit(c);
    if (c->sweep) t->cell[1][COLUMN_PUBLISHED] = c->sweep->published_unit;
}

static void fill_line(const comparison *c, int i, const table_row *row, const char **cell) {
    const compared_variant *v = &c->variants[i];
    arena *a = c->arena;
    int64_t difference = v->parameters - c->base_parameters;
    int decimals = c->bits ? 4 : 3;
    cell[COLUMN_VARIANT] = v->label;
    cell[COLUMN_PARAMETERS] = grouped_text(a, v->parameters);
    cell[COLUMN_DIFFERENCE] = difference_cell(a, difference);
    cell[COLUMN_PERCENT] = percent_cell(a, (double)difference, (double)c->base_parameters);
    cell[COLUMN_FLOPS] = share_cell(a, v->flops_share);
    cell[COLUMN_TIME] = time_cell(a, row->feedforward_share);
    cell[COLUMN_SPEED] = speed_cell(a, row->tokens_per_second);
    cell[COLUMN_ACTIVATIONS] = bytes_cell(a, row->peak_activation_bytes);
    cell[COLUMN_VALID] = score_cell(a, row->valid, decimals);
    cell[COLUMN_TEST] = score_cell(a, row->test, decimals);
    cell[COLUMN_PUBLISHED] = isnan(v->published) ? "-" : arena_text(a, "%.2f", v->published);
}

static void fill_ngram(const comparison *c, const char **cell) {
    spread valid = {comparison_score(c, &c->ngram_valid), NAN};
    spread test = {comparison_score(c, &c->ngram_test), NAN};
    for (int i = 0; i < TABLE_COLUMNS; i++) cell[i] = "";
    cell[COLUMN_VARIANT] = "order-3 n-gram";
    cell[COLUMN_VALID] = score_cell(c->arena, valid, 4);
    cell[COLUMN_TEST] = score_cell(c->arena, test, 4);
}

sigmoe_status table_cells_make(const comparison *c, const table_row *rows, table_cells *out) {
    out->lines = TABLE_HEADINGS + c->variant_count + c->has_ngram;
    TRY(ARENA_NEW(c->arena, out->cell, out->lines));
    head(c, out);
    for (int i = 0; i < c->variant_count; i++) fill_line(c, i, &rows[i], out->cell[TABLE_HEADINGS + i]);
    if (c->has_ngram) fill_ngram(c, out->cell[out->lines - 1]);
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

static void print_line(FILE *out, const table_cells *t, int line, const int *widths) {
    for (int j = 0; j < TABLE_COLUMNS; j++) {
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
    int total = -2;
    for (int j = 0; j < TABLE_COLUMNS; j++) total += widths[j] + 2;
    for (int i = 0; i < total; i++) fputs("─", out);
    fputc('\n', out);
}

// Why a run has no score; NULL where it has one.
static const char *score_lack(const comparison *c, int variant, int seed) {
    const run_result *r = comparison_result(c, variant, seed);
    if (r->failure) return r->failure;
    return isfinite(test_score(c, r)) ? NULL : "its loss is beyond what a perplexity can say";
}

static void print_lacks(FILE *out, const comparison *c) {
    for (int i = 0; i < c->variant_count; i++)
        for (int s = 0; s < c->variants[i].seeds; s++) {
            const char *lack = score_lack(c, i, s);
            if (lack)
                fprintf(out, "%s, seed %" PRIu64 ": no score; %s\n", c->variants[i].label,
                    comparison_seed(c, s), lack);
        }
}

static bool lacks_scores(const comparison *c) {
    for (int i = 0; i < c->variant_count; i++)
        for (int s = 0; s < c->variants[i].seeds; s++)
            if (score_lack(c, i, s)) return true;
    return false;
}

static void print_table(FILE *out, const comparison *c, const table_cells *t) {
    int widths[TABLE_COLUMNS];
    for (int j = 0; j < TABLE_COLUMNS; j++) widths[j] = column_width(t, j);
    for (int i = 0; i < t->lines; i++) {
        if (i == TABLE_HEADINGS || (c->has_ngram && i == t->lines - 1)) print_rule(out, widths);
        print_line(out, t, i, widths);
    }
    if (c->seed_count > 1 && (comparison_is_uneven(c) || lacks_scores(c)))
        fprintf(out,
            "± is the sample standard deviation over a row's seeds with a score, %d at most; a row without "
            "it has one.\n",
            c->seed_count);
    else if (c->seed_count > 1)
        fprintf(out, "± is the sample standard deviation over %d seeds.\n", c->seed_count);
    fprintf(out, "FF time and tokens/s are of the median step%s, the middle half of the steps in brackets.\n",
        c->seed_count > 1 ? ", medians over seeds" : "");
    print_lacks(out, c);
}

sigmoe_status table_text(const comparison *c, const table_row *rows, char **out) {
    claim_results claims = {0};
    table_cells cells;
    verdict said;
    size_t size;
    TRY(table_cells_make(c, rows, &cells));
    TRY(verdict_of(c, rows, &said));
    if (c->sweep) TRY(claims_of(c, &claims));
    FILE *stream = open_memstream(out, &size);
    if (!stream) return fail(SIGMOE_NO_MEMORY, "no memory for the table");
    print_table(stream, c, &cells);
    for (int i = 0; i < said.count; i++) fprintf(stream, "%s%s\n", i == 0 ? "\n" : "", said.sentence[i]);
    claims_print_text(stream, c, &claims);
    if (fclose(stream) == 0) return SIGMOE_OK;
    free(*out);
    return fail(SIGMOE_NO_MEMORY, "no memory for the table");
}
