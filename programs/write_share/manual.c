#include "write_share/roff.h"
#include "write_share/share.h"
#include "write_share/tables.h"

#include "sigmoe/help.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- parts

// "sigmoe-data-prepare" for "data prepare", "sigmoe" for "". Returns `buffer`.
static const char *page_name(const char *name, char *buffer, size_t size) {
    snprintf(buffer, size, "sigmoe%s%s", *name ? "-" : "", name);
    for (char *c = buffer; *c; c++)
        if (*c == ' ') *c = '-';
    return buffer;
}

static void put_upper(FILE *out, const char *text) {
    for (; *text; text++) fputc(toupper((unsigned char)*text), out);
}

static void put_head(FILE *out, const char *page, int section, const char *date, const char *summary) {
    fputs(".TH ", out);
    put_upper(out, page);
    fprintf(out, " %d %s \"sigmoe %s\"\n.SH NAME\n", section, date, sigmoe_version());
    put_literal(out, page);
    fputs(" \\-\n", out);
    put_prose(out, summary);
}

static void put_entry(FILE *out, const char *name, const char *text) {
    fputs(".TP\n\\fB", out);
    put_literal(out, name);
    fputs("\\fR\n", out);
    put_prose(out, text);
}

static void put_entries(FILE *out, const char *section, const help_entry *entries) {
    fprintf(out, ".SH %s\n", section);
    for (const help_entry *e = entries; e->name; e++) put_entry(out, e->name, e->text);
}

static void put_examples(FILE *out, const help_entry *examples) {
    char line[512];
    fputs(".SH EXAMPLES\n", out);
    for (const help_entry *e = examples; e->name; e++) {
        if (e > examples) fputs(".PP\n", out);
        put_prose(out, e->text);
        fputs(".PP\n.RS 4\n.EX\n", out);
        snprintf(line, sizeof line, "sigmoe %s", e->name);
        put_command(out, line);
        fputs(".EE\n.RE\n", out);
    }
}

static void put_paragraphs(FILE *out, const char *text) {
    while (*text) {
        size_t length = strstr(text, "\n\n") ? (size_t)(strstr(text, "\n\n") - text) : strlen(text);
        char *paragraph = strndup(text, length);
        if (!paragraph) abort();
        fputs(".PP\n", out);
        put_prose(out, paragraph);
        free(paragraph);
        text += length + strspn(text + length, "\n");
    }
}

// "Train a model."
static void put_sentence(FILE *out, const char *text) {
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%c%s.", toupper((unsigned char)*text), text + 1);
    put_prose(out, sentence);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_reference(FILE *out, const char *page, int section, const char *behind) {
    fputs(".BR ", out);
    put_literal(out, page);
    fprintf(out, " (%d)%s\n", section, behind);
}

// Pages of the same family, or of commands without one, and the overview.
static void put_see_also(FILE *out, const command *self) {
    enum { MOST = 64 };
    char family[32], page[64];
    const char *names[MOST];
    int count = 0;
    snprintf(family, sizeof family, "%s", family_of(self));
    for (const command *const *c = commands; *c && count < MOST; c++)
        if (*c != self && strcmp(family_of(*c), family) == 0) names[count++] = (*c)->name;
    qsort(names, (size_t)count, sizeof *names, compare_names);
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "sigmoe", 1, ",");
    for (int i = 0; i < count; i++) put_reference(out, page_name(names[i], page, sizeof page), 1, ",");
    put_reference(out, "sigmoe-config", 5, "");
}

// ---------------------------------------------------------------- commands

static void put_head_of_option(FILE *out, const argument *a) {
    fputs("\\fB\\-\\-", out);
    put_literal(out, a->name);
    fputs("\\fR", out);
    if (a->placeholder) {
        fputs(" \\fI", out);
        put_literal(out, a->placeholder);
        fputs("\\fR", out);
    }
    if (a->letter) fprintf(out, ", \\fB\\-%c\\fR", a->letter);
}

static void put_synopsis(FILE *out, const command *c) {
    bool optional = false;
    const argument *a;
    fputs(".SH SYNOPSIS\n\\fBsigmoe ", out);
    put_literal(out, c->name);
    fputs("\\fR\n", out);
    if (*c->usage) put_prose(out, c->usage);
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) {
        optional |= !a->required;
        if (!a->required) continue;
        put_head_of_option(out, a);
        fputc('\n', out);
    }
    if (optional) fputs("[\\fIoptions\\fR]\n", out);
}

static void put_options(FILE *out, const command *c) {
    char text[1024];
    const argument *a;
    void *values = command_defaults(c);
    fputs(".SH OPTIONS\n", out);
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) {
        fputs(".TP\n", out);
        put_head_of_option(out, a);
        fputc('\n', out);
        put_prose(out, option_text(c, i, values, text, sizeof text));
    }
    free(values);
}

// "Variants; options follow with colons": a section VARIANTS, which begins with the rest.
static void put_list(FILE *out, const command *c) {
    help_entry entry;
    char section[64];
    size_t length = strcspn(c->list_title, ";");
    snprintf(section, sizeof section, "%.*s", (int)length, c->list_title);
    fputs(".SH ", out);
    put_upper(out, section);
    fputc('\n', out);
    if (c->list_title[length]) put_sentence(out, c->list_title + length + 2);
    for (int i = 0; c->list->at(i, &entry); i++) put_entry(out, entry.name, entry.text);
}

void write_command_page(FILE *out, const command *c, const char *date) {
    char page[64];
    put_head(out, page_name(c->name, page, sizeof page), 1, date, c->summary);
    put_synopsis(out, c);
    fputs(".SH DESCRIPTION\n", out);
    put_sentence(out, c->summary);
    if (c->details) put_paragraphs(out, c->details);
    put_options(out, c);
    if (c->list) put_list(out, c);
    if (c->examples) put_examples(out, c->examples);
    if (c->files) put_entries(out, "FILES", c->files);
    put_entries(out, "EXIT STATUS", exit_statuses);
    put_see_also(out, c);
}

// ---------------------------------------------------------------- the others

void write_overview_page(FILE *out, const char *date) {
    static const help_entry examples[] = {
        {"data prepare text book.txt --out data", "Tokens of a text:"},
        {"compare --data data --base demo --variants dense,topk,sigma-moe --out comparison",
            "A comparison on it, which ends with a table and a report:"},
        {NULL, NULL},
    };
    char page[64];
    put_head(out, "sigmoe", 1, date,
        "feedforward blocks and their approximations in Transformer-XL language models");
    fputs(".SH SYNOPSIS\n\\fBsigmoe\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n.br\n"
          "\\fBsigmoe help\\fR [\\fICOMMAND\\fR|\\fBconfig\\fR]\n.br\n\\fBsigmoe \\-\\-version\\fR "
          "[\\fB\\-\\-verbose\\fR] [\\fB\\-\\-json\\fR]\n.SH "
          "DESCRIPTION\n",
        out);
    put_prose(out,
        "Trains, compares and analyzes Transformer-XL language models whose feedforward blocks are dense, or "
        "approximate a dense one: Top-K, product-key memories, and mixtures of experts such as σ-MoE.");
    put_paragraphs(out, "Options stand behind the command, and may be written `--name value` or "
                        "`--name=value`. `sigmoe help` lists the "
                        "commands, and each has --help. `sigmoe --version --verbose` tells the features, "
                        "the processor's level and the libraries.\n\n"
                        "Ctrl-C, SIGTERM and SIGHUP save what was done and stop; the command goes on with "
                        "--resume. SIGUSR1 makes train, "
                        "compare and sweep save and go on.");
    fputs(".SH COMMANDS\n", out);
    for (const command *const *c = commands; *c; c++) {
        fputs(".TP\n", out);
        put_reference(out, page_name((*c)->name, page, sizeof page), 1, "");
        put_prose(out, (*c)->summary);
    }
    put_examples(out, examples);
    put_entries(out, "ENVIRONMENT", environment);
    put_entries(out, "EXIT STATUS", exit_statuses);
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "sigmoe-config", 5, "");
    fputs(".PP\n", out);
    put_prose(out, "Róbert Csordás, Kazuki Irie, Jürgen Schmidhuber: Approximating Two-Layer Feedforward "
                   "Networks for Efficient "
                   "Transformers, 2023, https://arxiv.org/abs/2310.10837");
}

void write_config_page(FILE *out, const char *date) {
    sigmoe_option o;
    char text[1024];
    put_head(out, "sigmoe-config", 5, date, "the keys of a model's configuration");
    fputs(".SH DESCRIPTION\n", out);
    put_prose(out,
        "The file config.json of a model directory, and what --config reads, is a JSON object with the "
        "members \"model_type\": \"sigmoe\" and \"version\": 1, the object \"tokenizer\", and the keys "
        "below; those that begin with `ff.` are members of the object \"ff\". --set takes the same paths: "
        "`--set d_model=128 --set ff.k=4`. In brackets stands the type of block that a key belongs to; "
        "behind the meaning, the values and the default.");
    fputs(".SH KEYS\n", out);
    for (int i = 0; sigmoe_option_at(i, &o); i++) {
        bool everywhere = !o.applies || !*o.applies;
        snprintf(text, sizeof text, "%s%s%s%s (%s; %s)", everywhere ? "" : "[", everywhere ? "" : o.applies,
            everywhere ? "" : "] ", o.help, o.values, o.preset);
        put_entry(out, o.key, text);
    }
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "sigmoe", 1, ",");
    put_reference(out, "sigmoe-info", 1, ",");
    put_reference(out, "sigmoe-train", 1, "");
}
