#include "report/plan_text.h"

#include "base/grouped.h"
#include "base/text_stream.h"
#include "compare/power.h"
#include "plot/figure.h"

#include <inttypes.h>

static int trained_runs(const comparison_result *c, int variant) {
    int count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++) count += !result_run(c, variant, s)->pending;
    return count;
}

static void print_rows(FILE *out, const comparison_result *c) {
    const comparison_plan *p = c->plan;
    int width = letter_count("variant");
    for (int i = 0; i < p->variant_count; i++)
        if (letter_count(p->variants[i].label) > width) width = letter_count(p->variants[i].label);
    fprintf(out, "%-*s  %14s  %8s  %7s\n", width, "variant", "parameters", "FF FLOPs", "trained");
    for (int i = 0; i < p->variant_count; i++) {
        const compared_variant *v = &p->variants[i];
        int space = width - letter_count(v->label);
        fprintf(out, "%s%*s  %14s  %6.1f %%  %3d of %d\n", v->label, space, "", grouped(v->parameters).text,
            100 * v->flops_share, trained_runs(c, i), v->seeds);
    }
}

static void print_work(FILE *out, const comparison_result *c) {
    const comparison_plan *p = c->plan;
    const sigmoe_train_settings *s = &p->request->settings;
    int left = result_runs_left(c);
    int64_t tokens;
    if (!size_product(&tokens, s->batch * p->base.model.unroll, s->steps) ||
        !size_product(&tokens, tokens, left))
        tokens = INT64_MAX;
    fprintf(out, "\n%d run%s of %" PRId64 " step%s left to train: %s tokens in all.\n", left, plural(left),
        s->steps, plural(s->steps), grouped(tokens).text);
    if (p->request->lr_count > 0)
        fprintf(out, "Before that, the first seed of each row is trained at each of %d learning rates.\n",
            p->request->lr_count);
}

sigmoe_status plan_text(const comparison_result *c, char **out) {
    variant_summary *summaries;
    judgement j;
    const char *power;
    text_stream text;
    TRY(summarize_variants(c, &summaries));
    TRY(judge(c, summaries, test_scores, &j));
    TRY(power_text(c, &j, &power));
    TRY(text_stream_open(&text));
    print_rows(text.out, c);
    print_work(text.out, c);
    if (*power) fprintf(text.out, "%s\n", power);
    TRY(text_stream_close(&text));
    *out = text.text;
    return SIGMOE_OK;
}
