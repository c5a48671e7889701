#include "compare/conclusion.h"

#include "base/grouped.h"
#include "base/progress.h"
#include "base/text_stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMED = 8 }; // more rows than this are counted, not named

typedef struct writer {
    const comparison_result *c;
    const variant_summary *summaries;
    const judgement *j;
    FILE *out;
    int decimals;
    const char *unit;
} writer;

static int rows_of(const writer *w) {
    return w->c->plan->variant_count;
}

static const char *label(const writer *w, int row) {
    return w->c->plan->variants[row].label;
}

// ---------------------------------------------------------------- lists of rows

typedef bool is_listed(const writer *w, int row);

static int count_listed(const writer *w, is_listed *listed) {
    int count = 0;
    for (int i = 0; i < rows_of(w); i++) count += listed(w, i);
    return count;
}

// "dense, topk and sigma-moe", or "12 rows".
static void print_list(const writer *w, is_listed *listed) {
    int left = count_listed(w, listed);
    if (left > MOST_NAMED) {
        fprintf(w->out, "%d rows", left);
        return;
    }
    for (int i = 0; i < rows_of(w); i++) {
        if (!listed(w, i)) continue;
        left--;
        fprintf(w->out, "%s%s", label(w, i), left > 1 ? ", " : left == 1 ? " and " : "");
    }
}

static bool has_score(const writer *w, int row) {
    return isfinite(w->summaries[row].test.mean);
}
static bool is_beaten(const writer *w, int row) {
    return ngram_beats(w->c, test_scores, w->summaries[row].test.mean);
}
static bool leads(const writer *w, int row) {
    return w->j->leads[row];
}
static const variant_pair *pair_with_best(const writer *w, int row) {
    return row == w->j->best ? NULL : judgement_pair(w->j, rows_of(w), row, w->j->best);
}
static bool is_worse(const writer *w, int row) {
    const variant_pair *p = pair_with_best(w, row);
    return p && p->verdict != PAIR_UNJUDGED && !w->j->leads[row];
}
static bool is_unjudged(const writer *w, int row) {
    const variant_pair *p = pair_with_best(w, row);
    return p && p->verdict == PAIR_UNJUDGED && has_score(w, row);
}

// ---------------------------------------------------------------- what forbids a conclusion

static void say_failures(const writer *w) {
    int missing = result_runs_without_score(w->c), all = w->c->plan->run_count;
    if (missing > 0)
        fprintf(
            w->out, "%d of %d run%s %s no score. ", missing, all, plural(all), missing == 1 ? "has" : "have");
}

// True if it forbids a conclusion.
static bool say_ngram(const writer *w) {
    int scored = count_listed(w, has_score), beaten = count_listed(w, is_beaten);
    if (beaten == 0) return false;
    fprintf(w->out, "The order-%d n-gram (%.*f %s) beats ", w->c->ngram.order, w->decimals,
        ngram_score(w->c, test_scores), w->unit);
    if (beaten < scored) {
        print_list(w, is_beaten);
        fputs(beaten == 1 ? ": it has not learned enough to be compared. "
                          : ": they have not learned enough to be compared. ",
            w->out);
        return false;
    }
    fputs(scored > 1 ? "every model: none has learned enough to be compared. Train longer, or on more text."
                     : "the model: it has not learned enough. Train longer, or on more text.",
        w->out);
    return true;
}

static void say_too_few(const writer *w) {
    int seeds = w->c->plan->seed_count;
    if (seeds >= LEAST_PAIRS)
        fprintf(w->out, "No verdict on quality: no two rows have a score from %d common seeds.", LEAST_PAIRS);
    else
        fprintf(w->out,
            "No verdict on quality from %d seed%s: a difference between test scores may be one between "
            "seeds; %d seeds are the least.",
            seeds, plural(seeds), LEAST_PAIRS);
}

// ---------------------------------------------------------------- costs

static double time_of(const writer *w, int row) {
    return w->summaries[row].feedforward_seconds.median;
}

static double cost_of(const writer *w, int row, bool in_time) {
    return in_time ? time_of(w, row) : w->c->plan->variants[row].flops_share;
}

// Of equally cheap rows, the one with the lower score; -1: no cost is known.
static int cheapest_leader(const writer *w, bool in_time) {
    int best = -1;
    for (int i = 0; i < rows_of(w); i++) {
        double cost = cost_of(w, i, in_time);
        if (!leads(w, i) || isnan(cost)) continue;
        double least = best < 0 ? INFINITY : cost_of(w, best, in_time);
        if (cost < least || (cost == least && w->summaries[i].test.mean < w->summaries[best].test.mean))
            best = i;
    }
    return best;
}

// A difference of scores with two significant digits: 0.034, 0.00071, 12.
static void print_amount(const writer *w, double difference) {
    double size = fabs(difference);
    int decimals = size > 0 && isfinite(size) ? 1 - (int)floor(log10(size)) : 1;
    fprintf(w->out, "%.*f", decimals > 0 ? decimals : 0, size);
}

static void print_memory(const writer *w, double bytes) {
    if (isfinite(bytes))
        fprintf(w->out, ", %.2g %s of activations", bytes / (bytes >= 1e9 ? 1e9 : 1e6),
            bytes >= 1e9 ? "GB" : "MB");
}

// "25 % of the multiply-adds, 38 % (36–40) of dense's FF time, 60,621 tokens/s, 12 MB of activations"
static void print_costs(const writer *w, int row) {
    const variant_summary *s = &w->summaries[row];
    quartiles share = s->feedforward_share;
    fprintf(w->out, "%.0f %% of the multiply-adds", 100 * w->c->plan->variants[row].flops_share);
    if (isfinite(share.median))
        fprintf(w->out, ", %.0f %% (%.0f–%.0f) of dense's FF time", 100 * share.median, 100 * share.low,
            100 * share.high);
    if (isfinite(s->tokens_per_second.median))
        fprintf(w->out, ", %s tokens/s", grouped(llround(s->tokens_per_second.median)).text);
    print_memory(w, s->peak_activation_bytes);
}

// ---------------------------------------------------------------- who leads, who is worse

// The largest difference that any interval among the leading rows allows.
static double widest_between_leaders(const writer *w) {
    double widest = 0;
    for (int i = 0; i < w->j->pair_count; i++) {
        const variant_pair *p = &w->j->pairs[i];
        if (p->verdict != PAIR_UNJUDGED && leads(w, p->a) && leads(w, p->b))
            widest = fmax(widest, fmax(fabs(p->low), fabs(p->high)));
    }
    return widest;
}

static bool leaders_differ(const writer *w, bool count_undecided) {
    for (int i = 0; i < w->j->pair_count; i++) {
        const variant_pair *p = &w->j->pairs[i];
        if (!leads(w, p->a) || !leads(w, p->b) || p->verdict == PAIR_EQUAL) continue;
        if (p->verdict != PAIR_UNDECIDED || count_undecided) return true;
    }
    return false;
}

// "dense and topk cannot be told apart (±0.011 bits/char)".
static void say_tie(const writer *w) {
    print_list(w, leads);
    if (leaders_differ(w, false))
        fprintf(w->out, " cannot be told apart from the lowest, %s", label(w, w->j->best));
    else if (leaders_differ(w, true))
        fputs(" cannot be told apart", w->out);
    else
        fprintf(w->out, " are equal within the margin of %g %%", 100 * w->j->rules.margin);
    fputs(" (±", w->out);
    print_amount(w, widest_between_leaders(w));
    fprintf(w->out, " %s). ", w->unit);
}

static void say_best(const writer *w) {
    spread test = w->summaries[w->j->best].test;
    fprintf(w->out, "%s has the best test score, %.*f ± ", label(w, w->j->best), w->decimals, test.mean);
    print_amount(w, test.deviation);
    fprintf(w->out, " %s. ", w->unit);
}

// "switch and pkm-relu are worse than dense by 0.03 to 0.05."
static void say_worse(const writer *w) {
    double least = INFINITY, most = 0;
    int count = count_listed(w, is_worse);
    if (count == 0) return;
    for (int i = 0; i < rows_of(w); i++) {
        if (!is_worse(w, i)) continue;
        double difference = fabs(pair_with_best(w, i)->difference);
        least = fmin(least, difference);
        most = fmax(most, difference);
    }
    fputc(' ', w->out);
    print_list(w, is_worse);
    fprintf(w->out, count == 1 ? " is worse than %s by " : " are worse than %s by ", label(w, w->j->best));
    print_amount(w, least);
    if (count > 1) fputs(" to ", w->out);
    if (count > 1) print_amount(w, most);
    fputc('.', w->out);
}

static void say_unjudged(const writer *w) {
    if (count_listed(w, is_unjudged) == 0) return;
    fputs(" Not judged, for want of seeds with a score: ", w->out);
    print_list(w, is_unjudged);
    fputc('.', w->out);
}

// Among rows of equal quality, what costs least.
static void say_what_to_use(const writer *w) {
    int few = cheapest_leader(w, false), fast = cheapest_leader(w, true);
    int leading = count_listed(w, leads);
    // Where their times overlap, the one with fewer multiply-adds is as fast.
    if (fast < 0 || time_of(w, few) <= w->summaries[fast].feedforward_seconds.high) fast = few;
    if (leading == 1) {
        fputs("It takes ", w->out);
        print_costs(w, few);
        fputc('.', w->out);
    } else if (few == fast) {
        fprintf(w->out, "Of these, %s costs least: ", label(w, few));
        print_costs(w, few);
        fputc('.', w->out);
    } else {
        fprintf(w->out, "Of these, %s costs the fewest multiply-adds (", label(w, few));
        print_costs(w, few);
        fprintf(w->out, ") and %s the least time (", label(w, fast));
        print_costs(w, fast);
        fputs(").", w->out);
    }
    say_worse(w);
    say_unjudged(w);
    if (few == fast)
        fprintf(w->out, " Use %s.", label(w, few));
    else
        fprintf(w->out, " Use %s on machines like this one, %s where multiply-adds count.", label(w, fast),
            label(w, few));
}

// ---------------------------------------------------------------- how it was found

static void say_method(const writer *w) {
    double sure = 100 * (1 - w->j->rules.error);
    fprintf(w->out, " (%.4g %% intervals of differences paired by seed, corrected for %d rows", sure,
        w->j->judged_rows);
    if (w->j->pooled) fputs("; variance pooled over rows, since the seeds are few", w->out);
    if (w->c->plan->look > 1) fprintf(w->out, "; look %d at this comparison", w->c->plan->look);
    fputs(".)", w->out);
}

static void say_rates(const writer *w) {
    const sigmoe_compare_request *r = w->c->plan->request;
    if (r->lr_count == 0) {
        fprintf(w->out,
            " All rows share one learning rate, %g, which may suit some better than others; a grid of rates "
            "gives each row its own.",
            r->settings.lr);
        return;
    }
    fprintf(w->out, " Each row has its own best of %d learning rates by validation score:", r->lr_count);
    for (int i = 0; i < rows_of(w); i++)
        fprintf(w->out, "%s %s %g", i > 0 ? "," : "", label(w, i), w->c->plan->variants[i].lr);
    fputc('.', w->out);
}

static void write_paragraph(const writer *w) {
    say_failures(w);
    if (say_ngram(w)) return;
    if (count_listed(w, has_score) < 2) return;
    if (w->j->best < 0) {
        say_too_few(w);
        return;
    }
    (count_listed(w, leads) > 1 ? say_tie : say_best)(w);
    say_what_to_use(w);
    say_method(w);
    say_rates(w);
}

sigmoe_status conclusion_of(const comparison_result *c, const variant_summary *summaries, const judgement *j,
    const char **paragraph) {
    text_stream text;
    TRY(text_stream_open(&text));
    const writer w = {.c = c,
        .summaries = summaries,
        .j = j,
        .out = text.out,
        .decimals = plan_decimals(c->plan),
        .unit = plan_unit(c->plan)};
    write_paragraph(&w);
    TRY(text_stream_close(&text));
    size_t length = strlen(text.text);
    while (length > 0 && text.text[length - 1] == ' ') length--;
    *paragraph = arena_text(c->arena, "%.*s", (int)length, text.text);
    free(text.text);
    return *paragraph ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
