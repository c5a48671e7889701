#include "report/row_verdicts.h"

#include "compare/verdict.h"

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

static sigmoe_status judge_row(const comparison_result *c, const variant_summary *summaries,
    const standing *standings, int best, int row, row_verdict *out) {
    int n = c->plan->bits ? 4 : 3, leading = 0;
    double *room;
    *out = (row_verdict){.detail = "", .behind = NAN, .leads = standing_leads(standings[row])};
    for (int i = 0; i < c->plan->variant_count; i++) leading += standing_leads(standings[i]);
    if (out->leads) {
        out->text = leading > 1 ? "tied for best" : "best";
        out->behind = summaries[row].test.mean - summaries[best].test.mean;
        return SIGMOE_OK;
    }
    if (standings[row] == STANDING_UNJUDGED) {
        out->text = state_of(c, &summaries[row], row);
        return out->text ? SIGMOE_OK : SIGMOE_NO_MEMORY;
    }
    TRY(ARENA_NEW(c->arena, room, c->plan->seed_count));
    t_interval d = paired_difference(c, best, row, test_scores, room);
    out->behind = d.mean;
    out->text = arena_text(c->arena, "worse by %.*f", n, d.mean);
    out->detail = arena_text(c->arena, "%.*f to %.*f", n, d.low, n, d.high);
    return out->text && out->detail ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status row_verdicts_make(
    const comparison_result *c, const variant_summary *summaries, row_verdict **out) {
    standing *standings;
    int best = 0;
    TRY(standings_of(c, summaries, test_scores, &standings));
    TRY(ARENA_NEW(c->arena, *out, c->plan->variant_count));
    for (int i = 0; i < c->plan->variant_count; i++)
        if (standings[i] == STANDING_BEST) best = i;
    for (int i = 0; i < c->plan->variant_count; i++)
        TRY(judge_row(c, summaries, standings, best, i, &(*out)[i]));
    return SIGMOE_OK;
}
