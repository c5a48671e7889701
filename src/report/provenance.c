#include "report/provenance.h"

#include "base/cpu.h"
#include "base/processor_name.h"
#include "base/threads.h"
#include "base/threads_place.h"
#include "formats/json_options.h"
#include "plot/page.h"
#include "report/configuration.h"
#include "report/table.h"
#include "system/file.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void print_entry(FILE *out, const char *term, const char *text) {
    fprintf(out, "<dt>%s</dt><dd>", term);
    html_text(out, text);
    fputs("</dd>\n", out);
}

// ---------------------------------------------------------------- the command

// The command line, as the caller reports it.
static void print_command(FILE *out, const char *command) {
    if (!command) return;
    fputs("<pre class=\"wrap\">", out);
    html_text(out, command);
    fputs("</pre>\n", out);
}

// ---------------------------------------------------------------- the machine

static void print_machine(FILE *out, const comparison_result *c) {
    char processor[PROCESSOR_NAME], date[32], text[256];
    time_t now = time(NULL);
    struct tm utc;
    int asked = c->threads;
    processor_name(processor);
    snprintf(text, sizeof text, "%s, kernels for %s", processor, cpu_level_name(cpu_current()));
    print_entry(out, "processor", text);
    snprintf(text, sizeof text, "%d (the results do not depend on it, the times do)",
        asked > 0 ? asked : threads_available());
    print_entry(out, "threads", text);
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
    print_entry(out, "written", date);
    print_entry(out, "program", "sigmoe " SIGMOE_VERSION);
}

// ---------------------------------------------------------------- training

// Each row's own, of a grid.
static void print_rates(FILE *out, const comparison_plan *p) {
    fputs("<dt>learning rates</dt><dd>", out);
    for (int i = 0; i < p->variant_count; i++) {
        fputs(i ? ", " : "", out);
        html_text(out, p->variants[i].label);
        fprintf(out, " %g", p->variants[i].lr);
    }
    fputs("; of a grid, the one with the best validation score of the first seed</dd>\n", out);
}

static void print_training(FILE *out, const comparison_result *c) {
    const sigmoe_train_settings *s = &c->plan->request->settings;
    char text[512], rate[48] = "a learning rate of its own";
    if (c->plan->request->lr_count == 0) snprintf(rate, sizeof rate, "learning rate %g", s->lr);
    snprintf(text, sizeof text,
        "%" PRId64 " step%s of %" PRId64 " × %" PRId64 " token%s; Adam, %s with %" PRId64
        " step%s of warm-up, then %s; gradient norm clipped at %g; weight decay %g",
        s->steps, plural(s->steps), s->batch, c->plan->base.model.unroll,
        plural(s->batch * c->plan->base.model.unroll), rate, s->warmup, plural(s->warmup),
        s->schedule == SIGMOE_SCHEDULE_CONSTANT ? "constant" : "a cosine", s->clip, s->weight_decay);
    print_entry(out, "training", text);
    if (c->plan->request->lr_count > 0) print_rates(out, c->plan);
    snprintf(text, sizeof text,
        "%" PRIu64 " to %" PRIu64
        ": of initial weights and dropout; the batches and their order are the same for all",
        plan_seed(c->plan, 0), plan_seed(c->plan, c->plan->seed_count - 1));
    if (c->plan->seed_count == 1)
        snprintf(text, sizeof text, "%" PRIu64 "; the batches and their order are the same for all",
            plan_seed(c->plan, 0));
    print_entry(out, c->plan->seed_count == 1 ? "seed" : "seeds", text);
    if (c->plan->request->test_tokens > 0)
        snprintf(text, sizeof text, "on the first %" PRId64 " token%s of each split, after the last step",
            c->plan->request->test_tokens, plural(c->plan->request->test_tokens));
    else
        snprintf(text, sizeof text, "on all of each split, after the last step");
    print_entry(out, "scores", text);
}

// ---------------------------------------------------------------- data

static void print_size(FILE *out, arena *a, const json_t *size) {
    const char *text = json_is_integer(size) ? grouped_text(a, json_integer_value(size)) : "-";
    fprintf(out, "<td>%s</td>", text ? text : "-");
}

static void print_split(FILE *out, arena *a, const json_t *splits, const char *name) {
    const json_t *split = json_object_get(splits, name), *sha = json_object_get(split, "sha256");
    fprintf(out, "<tr><th scope=\"row\">%s</th>", name);
    print_size(out, a, json_object_get(split, "tokens"));
    print_size(out, a, json_object_get(split, "bytes"));
    fputs("<td><code>", out);
    html_text(out, json_is_string(sha) ? json_string_value(sha) : "-");
    fputs("</code></td></tr>\n", out);
}

static void print_splits(FILE *out, arena *a, const json_t *meta) {
    static const char *const names[] = {"train", "valid", "test"};
    fputs("<div "
          "class=\"scroll\"><table><thead><tr><th>split</th><th>tokens</th><th>bytes</th><th>SHA-256</th></"
          "tr></thead><tbody>\n",
        out);
    for (int i = 0; i < 3; i++) print_split(out, a, json_object_get(meta, "splits"), names[i]);
    fputs("</tbody></table></div>\n", out);
}

static sigmoe_status print_data(FILE *out, const comparison_result *c) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", c->plan->data.directory));
    TRY(json_read_object(path, &meta));
    fputs("<h3>Data</h3>\n<p class=\"small\">", out);
    html_text(out, c->plan->data.source[0] ? c->plan->data.source : c->plan->data.directory);
    fputs("</p>\n", out);
    print_splits(out, c->arena, meta);
    json_decref(meta);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- configurations

static sigmoe_status print_configuration(FILE *out, const compared_variant *v) {
    fputs("<details><summary>", out);
    html_text(out, v->label);
    fputs(": ", out);
    html_text(out, v->paper->summary);
    fputs("</summary>", out);
    TRY(configuration_print(out, &v->config));
    fputs("</details>\n", out);
    return SIGMOE_OK;
}

sigmoe_status provenance_print(FILE *out, const comparison_result *c) {
    fputs("<section><h2>How it was made</h2>\n", out);
    print_command(out, c->plan->request->command);
    fputs("<dl>\n", out);
    print_training(out, c);
    print_machine(out, c);
    fputs("</dl>\n", out);
    TRY(print_data(out, c));
    fputs("<h3>Configurations</h3>\n<div class=\"configurations\">\n", out);
    for (int i = 0; i < c->plan->variant_count; i++) TRY(print_configuration(out, &c->plan->variants[i]));
    fputs("</div></section>\n", out);
    return SIGMOE_OK;
}
