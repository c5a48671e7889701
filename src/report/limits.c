#include "report/limits.h"

#include "base/status.h"
#include "plot/page.h"

#include <inttypes.h>

static void print_seeds(FILE *out, const comparison_plan *p) {
    if (p->seed_count == 1)
        fputs("With one seed, a difference between rows may be one between seeds. ", out);
    else
        fprintf(out,
            "The %s%d seeds draw initial weights and dropout; every run reads the same batches in the same "
            "order, so the spread over seeds says nothing of other data. ",
            plan_is_uneven(p) ? "up to " : "", p->seed_count);
}

void limits_print(FILE *out, const comparison_result *c) {
    const comparison_plan *p = c->plan;
    const sigmoe_train_settings *s = &p->request->settings;
    char name[DATASET_NAME];
    fputs("<section><h2>Limits</h2>\n<p>Everything here holds for one text, ", out);
    dataset_name(&p->data, name);
    html_text(out, name);
    fprintf(out,
        ", for models of about this size, and after %" PRId64 " step%s of %" PRId64
        " tokens: longer training, more parameters or another text can change the order of the rows. ",
        s->steps, plural(s->steps), s->batch * p->base.model.unroll);
    print_seeds(out, p);
    fputs(
        "Rows are equal in parameters, not in multiply-adds, time or memory, which the figures show "
        "instead. Multiply-adds are those of the feedforward blocks alone, without routers; times and memory "
        "are those of this program on the processor named below, where another implementation or an "
        "accelerator may rank the rows otherwise. ",
        out);
    if (p->request->test_tokens > 0)
        fprintf(out, "Test scores are of the first %" PRId64 " token%s of the split. ",
            p->request->test_tokens, plural(p->request->test_tokens));
    fputs("What a model of this kind is good for beyond predicting its text was not "
          "measured.</p>\n</section>\n",
        out);
}

void citation_print(FILE *out) {
    fputs(
        "<section><h2>Citation</h2>\n<p>The rows, their settings and the claims are those of Róbert Csordás, "
        "Kazuki Irie and Jürgen Schmidhuber, <cite>Approximating Two-Layer Feedforward Networks for "
        "Efficient Transformers</cite>, Findings of EMNLP 2023, arXiv 2310.10837. This comparison was made "
        "by the program sigmoe, version " SIGMOE_VERSION ".</p>\n"
        "<pre>@inproceedings{csordas2023approximating,\n"
        "  title = {Approximating Two-Layer Feedforward Networks for Efficient Transformers},\n"
        "  author = {Csord{\\'a}s, R{\\'o}bert and Irie, Kazuki and Schmidhuber, J{\\\"u}rgen},\n"
        "  booktitle = {Findings of the Association for Computational Linguistics: EMNLP 2023},\n"
        "  year = {2023},\n"
        "  note = {arXiv:2310.10837}\n}\n"
        "@misc{sigmoe,\n  title = {sigmoe: feedforward blocks of Transformers, trained and compared},\n"
        "  note = {version " SIGMOE_VERSION "}\n}</pre>\n</section>\n",
        out);
}
