#include "report/row_verdicts.h"

#include "compare/judgement.h"

#include <math.h>

static int pending_runs(const comparison_result *c, int row) {
    int count = 0;
    for (int s = 0; s < c->plan->variants[row].seeds; s++) count += result_run(c, row, s)->pending;
    return count;
}

// Of a row that is not judged.
static const char *state_of(const comparison_result *c, const variant_summary *summary, int row) {
    int seeds = c->plan->variants[row].seeds, pending = pending_runs(c, row);
    if (pending == seeds) return "not trained yet";
    if (pending > 0) return arena_text(c->arena, "%d of %d seeds trained", seeds - pending, seeds);
    if (isnan(summary->test.mean)) return "no score";
    return ngram_beats(c, test_scores, summary->test.mean) ? "worse than the n-gram" : "not judged";
}

static int leading_rows(const comparison_result *c, const judgement *j) {
    int count = 0;
    for (int i = 0; i < c->plan->variant_count; i++) count += j->leads[i];
    return count;
}

// How far the row's score lies above the best one, and the interval of that.
static sigmoe_status compare_with_best(
    const comparison_result *c, const judgement *j, int row, row_verdict *out) {
    const variant_pair *pair = judgement_pair(j, c->plan->variant_count, row, j->best);
    int n = plan_decimals(c->plan);
    bool later = pair->b == row; // the difference is that of b minus a
    double low = later ? pair->low : -pair->high, high = later ? pair->high : -pair->low;
    out->behind = later ? pair->difference : -pair->difference;
    if (out->leads) return SIGMOE_OK;
    out->text = arena_text(c->arena, "worse by %.*f", n, out->behind);
    out->detail = arena_text(c->arena, "%.*f to %.*f", n, low, n, high);
    return out->text && out->detail ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status judge_row(const comparison_result *c, const variant_summary *summaries,
    const judgement *j, int row, row_verdict *out) {
    *out = (row_verdict){.detail = "", .behind = NAN, .leads = j->best >= 0 && j->leads[row]};
    out->text =
        out->leads ? leading_rows(c, j) > 1 ? "tied for best" : "best" : state_of(c, &summaries[row], row);
    if (!out->text) return SIGMOE_NO_MEMORY;
    if (row == j->best) out->behind = 0;
    if (j->best < 0 || row == j->best) return SIGMOE_OK;
    bool judged = judgement_pair(j, c->plan->variant_count, row, j->best)->verdict != PAIR_UNJUDGED;
    return judged ? compare_with_best(c, j, row, out) : SIGMOE_OK;
}

sigmoe_status row_verdicts_make(
    const comparison_result *c, const variant_summary *summaries, row_verdict **out) {
    judgement j;
    TRY(judge(c, summaries, test_scores, &j));
    TRY(ARENA_NEW(c->arena, *out, c->plan->variant_count));
    for (int i = 0; i < c->plan->variant_count; i++) TRY(judge_row(c, summaries, &j, i, &(*out)[i]));
    return SIGMOE_OK;
}
