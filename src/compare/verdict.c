#include "compare/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- standings

static double mean_of(const variant_summary *summary, result_scores *of) {
    return of == valid_scores ? summary->valid.mean : summary->test.mean;
}

static int scored_variants(const comparison_result *c, const variant_summary *summaries, result_scores *of) {
    int count = 0;
    for (int i = 0; i < c->plan->variant_count; i++) count += isfinite(mean_of(&summaries[i], of));
    return count;
}

static int beaten_by_ngram(const comparison_result *c, const variant_summary *summaries, result_scores *of) {
    int count = 0;
    for (int i = 0; i < c->plan->variant_count; i++) count += ngram_beats(c, of, mean_of(&summaries[i], of));
    return count;
}

static int seeds_with_score(const comparison_result *c, int variant, result_scores *of) {
    int count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++)
        count += isfinite(plan_score(c->plan, of(result_run(c, variant, s))));
    return count;
}

// The variant with the lowest mean among those with enough seeds for a verdict; -1: none.
static int lowest_mean(const comparison_result *c, const variant_summary *summaries, result_scores *of) {
    int best = -1;
    for (int i = 0; i < c->plan->variant_count; i++)
        if (seeds_with_score(c, i, of) >= LEAST_PAIRS &&
            (best < 0 || mean_of(&summaries[i], of) < mean_of(&summaries[best], of)))
            best = i;
    return best;
}

static standing standing_to(
    const comparison_result *c, int best, int variant, result_scores *of, double *room) {
    t_interval difference = paired_difference(c, best, variant, of, room);
    if (difference.count < LEAST_PAIRS) return STANDING_UNJUDGED;
    return difference.low > 0 ? STANDING_WORSE : STANDING_TIED;
}

sigmoe_status standings_of(
    const comparison_result *c, const variant_summary *summaries, result_scores *of, standing **out) {
    double *room;
    TRY(ARENA_NEW(c->arena, *out, c->plan->variant_count)); // all unjudged
    TRY(ARENA_NEW(c->arena, room, c->plan->seed_count));
    int scored = scored_variants(c, summaries, of), best = lowest_mean(c, summaries, of), judged = 0;
    if (scored < 2 || best < 0 || beaten_by_ngram(c, summaries, of) == scored) return SIGMOE_OK;
    for (int i = 0; i < c->plan->variant_count; i++)
        if (i != best) judged += ((*out)[i] = standing_to(c, best, i, of, room)) != STANDING_UNJUDGED;
    if (judged > 0) (*out)[best] = STANDING_BEST;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- sentences

typedef bool is_listed(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, int variant);

static bool is_beaten(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, int variant) {
    (void)standings;
    return ngram_beats(c, test_scores, summaries[variant].test.mean);
}
static bool is_leading(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, int variant) {
    (void)c, (void)summaries;
    return standing_leads(standings[variant]);
}
static bool is_worse(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, int variant) {
    (void)c, (void)summaries;
    return standings[variant] == STANDING_WORSE;
}
static bool is_unjudged(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, int variant) {
    (void)c, (void)summaries;
    return standings[variant] == STANDING_UNJUDGED;
}

static int count_of(const comparison_result *c, const variant_summary *summaries, const standing *standings,
    is_listed *listed) {
    int count = 0;
    for (int i = 0; i < c->plan->variant_count; i++) count += listed(c, summaries, standings, i);
    return count;
}

// "dense, topk and sigma-moe"; NULL if out of memory.
static const char *list_of(const comparison_result *c, const variant_summary *summaries,
    const standing *standings, is_listed *listed) {
    const char *text = "";
    int left = count_of(c, summaries, standings, listed);
    for (int i = 0; text && i < c->plan->variant_count; i++) {
        if (!listed(c, summaries, standings, i)) continue;
        const char *separator = --left > 1 ? ", " : left == 1 ? " and " : "";
        text = arena_text(c->arena, "%s%s%s", text, c->plan->variants[i].label, separator);
    }
    return text;
}

static sigmoe_status say(verdict *v, const char *sentence) {
    if (!sentence) return SIGMOE_NO_MEMORY;
    v->sentence[v->count++] = sentence;
    return SIGMOE_OK;
}

static int decimals(const comparison_result *c) {
    return c->plan->bits ? 4 : 3;
}

static sigmoe_status say_ngram(const comparison_result *c, const variant_summary *summaries, verdict *v) {
    int scored = scored_variants(c, summaries, test_scores),
        beaten = beaten_by_ngram(c, summaries, test_scores);
    double score = ngram_score(c, test_scores);
    if (beaten == 0) return SIGMOE_OK;
    const char *names = list_of(c, summaries, NULL, is_beaten);
    if (!names) return SIGMOE_NO_MEMORY;
    if (beaten < scored)
        return say(v, arena_text(c->arena, "The order-3 n-gram, at %.*f %s, has a better test score than %s.",
                          decimals(c), score, plan_unit(c->plan), names));
    return say(v, arena_text(c->arena,
                      "The order-3 n-gram, at %.*f %s, has a better test score than %s: counting which token "
                      "follows the last "
                      "three does more than what was learned here, so there is no verdict on the feedforward "
                      "blocks. Train "
                      "longer or on more text.",
                      decimals(c), score, plan_unit(c->plan), scored > 1 ? "every model" : "the model"));
}

static sigmoe_status say_too_few(const comparison_result *c, verdict *v) {
    if (c->plan->seed_count >= LEAST_PAIRS)
        return say(
            v, arena_text(c->arena,
                   "No verdict on quality: too few seeds have a score of two variants; %d are the least.",
                   LEAST_PAIRS));
    return say(v, arena_text(c->arena,
                      "No verdict on quality from %d %s: a difference between test scores may be one between "
                      "seeds; %d seeds are the least.",
                      c->plan->seed_count, c->plan->seed_count == 1 ? "seed" : "seeds", LEAST_PAIRS));
}

static const char *rest_of(
    const comparison_result *c, const variant_summary *summaries, const standing *standings) {
    const char *worse = list_of(c, summaries, standings, is_worse),
               *others = list_of(c, summaries, standings, is_unjudged);
    if (!worse || !others) return NULL;
    return arena_text(c->arena, "%s%s%s%s%s%s", *worse ? " Worse beyond the noise: " : "", worse,
        *worse ? "." : "", *others ? " Not judged, for want of seeds with a score: " : "", others,
        *others ? "." : "");
}

static sigmoe_status say_tie(const comparison_result *c, const variant_summary *summaries,
    const standing *standings, const char *rest, verdict *v) {
    double low = INFINITY, high = -INFINITY;
    const char *tied = list_of(c, summaries, standings, is_leading);
    for (int i = 0; i < c->plan->variant_count; i++) {
        if (!standing_leads(standings[i])) continue;
        low = fmin(low, summaries[i].test.mean);
        high = fmax(high, summaries[i].test.mean);
    }
    if (!tied) return SIGMOE_NO_MEMORY;
    return say(
        v, arena_text(c->arena,
               "The best test score is a tie: %s lie within noise (means %.*f to %.*f %s; 0 is in the 95 %% "
               "interval of each difference to the lowest, paired by seed).%s",
               tied, decimals(c), low, decimals(c), high, plan_unit(c->plan), rest));
}

static sigmoe_status say_best(const comparison_result *c, const variant_summary *summaries,
    const standing *standings, const char *rest, verdict *v) {
    int best = 0;
    while (standings[best] != STANDING_BEST) best++;
    return say(
        v, arena_text(c->arena,
               "The best test score is %s's, %.*f ± %.*f %s: ahead of the others beyond the noise (95 %% "
               "intervals of the differences, paired by seed).%s",
               c->plan->variants[best].label, decimals(c), summaries[best].test.mean, decimals(c),
               summaries[best].test.deviation, plan_unit(c->plan), rest));
}

static sigmoe_status say_quality(
    const comparison_result *c, const variant_summary *summaries, const standing *standings, verdict *v) {
    int leading = count_of(c, summaries, standings, is_leading);
    if (leading == 0) return say_too_few(c, v);
    const char *rest = rest_of(c, summaries, standings);
    if (!rest) return SIGMOE_NO_MEMORY;
    return (leading > 1 ? say_tie : say_best)(c, summaries, standings, rest, v);
}

static int variant_of_paper(const comparison_result *c, const char *name) {
    for (int i = 0; i < c->plan->variant_count; i++)
        if (strcmp(c->plan->variants[i].paper->name, name) == 0) return i;
    return -1;
}

// The paper's own question: dense against σ-MoE.
static sigmoe_status say_sigma(const comparison_result *c, const variant_summary *summaries, verdict *v) {
    int dense = variant_of_paper(c, "dense"), sigma = variant_of_paper(c, "sigma-moe");
    double *room;
    if (dense < 0 || sigma < 0) return SIGMOE_OK;
    TRY(ARENA_NEW(c->arena, room, c->plan->seed_count));
    t_interval d = paired_difference(c, sigma, dense, test_scores, room);
    if (d.count < LEAST_PAIRS) return SIGMOE_OK;
    double percent = 100 * fabs(summaries[sigma].test.mean / summaries[dense].test.mean - 1);
    double flops = 100 * c->plan->variants[sigma].flops_share;
    if (d.low <= 0 && d.high >= 0)
        return say(
            v, arena_text(c->arena,
                   "σ-MoE, at %.0f %% of the multiply-adds, ties with dense: their means differ by %.1f %%, "
                   "within noise.",
                   flops, percent));
    return say(
        v, arena_text(c->arena,
               "σ-MoE, at %.0f %% of the multiply-adds, scores %.1f %% %s than dense, beyond the noise.",
               flops, percent, d.mean > 0 ? "better (lower)" : "worse (higher)"));
}

static sigmoe_status say_failures(const comparison_result *c, verdict *v) {
    int missing = result_runs_without_score(c);
    if (missing == 0) return SIGMOE_OK;
    return say(v, arena_text(c->arena, "%d of %d %s no score.", missing, c->plan->run_count,
                      c->plan->run_count == 1 ? "run has"
                      : missing == 1          ? "runs has"
                                              : "runs have"));
}

sigmoe_status verdict_of(const comparison_result *c, const variant_summary *summaries, verdict *out) {
    standing *standings;
    *out = (verdict){.count = 0};
    TRY(say_failures(c, out));
    TRY(say_ngram(c, summaries, out));
    int scored = scored_variants(c, summaries, test_scores);
    if (scored < 2 || beaten_by_ngram(c, summaries, test_scores) == scored) return SIGMOE_OK;
    TRY(standings_of(c, summaries, test_scores, &standings));
    TRY(say_quality(c, summaries, standings, out));
    return say_sigma(c, summaries, out);
}
