// What the feedforward blocks of trained models do to a text: measured, written as CSV, drawn, and put on one page.
#pragma once

#include "data/progress.h"
#include "train/analyze_text.h"
#include "train/config_file.h"
#include "train/evaluate.h"
#include "train/figure.h"
#include "train/usage.h"
#include "train/workspace.h"

enum { LABEL_CAPACITY = 48 };

typedef struct analyzed_model {
    const char *path; // as the user gave it
    char label
        [LABEL_CAPACITY]; // distinct; letters, digits, '-', '_', '.' alone: fit for file names, scripts and pages
    sigmoe_config config;
    sigmoe_scores scores;
    ff_statistics *now;     // what it does to the text
    usage_history training; // of a RUN: what it did to its batches
} analyzed_model;

// A figure of the page, under a heading that several may share.
typedef struct drawing {
    const char *section;
    figure figure;
} drawing;

typedef struct analysis {
    const sigmoe_analyze_request *request;
    const sigmoe_observer *observer; // may be NULL
    arena *arena;                    // of all texts and numbers
    char directory[PATH_CAPACITY];   // where files go
    dataset data;
    const token_split *tokens;
    int count;
    analyzed_model *models; // [count]
    progress_meter drawing_meter;
    int drawn;
    drawing *drawings; // [drawn]
} analysis;

// Writes the file `name` of a->directory whole, or not at all.
typedef sigmoe_status analysis_print(FILE *out, const void *context);
sigmoe_status analysis_write(const analysis *a, const char *name, analysis_print *print, const void *context);

// What knows the text of tokens that model number `index` saw: the data's tokenizer, or else a model's.
const tokenizer *analysis_tokenizer(const analysis *a, int index);

// Fills a->models from request->models.
sigmoe_status analysis_label(analysis *a);
sigmoe_status analysis_measure(analysis *a, const workspace *w);
// Draws into a->directory, with a CSV beside each figure, and fills a->drawings.
sigmoe_status analysis_draw(analysis *a);
// layers.csv and LABEL-tokens.csv.
sigmoe_status analysis_write_tables(const analysis *a);
// What a terminal shows, in *out; the caller frees.
sigmoe_status analysis_text(const analysis *a, char **out);
// report.html.
sigmoe_status analysis_write_page(const analysis *a);

// ---------------------------------------------------------------- numbers of one layer

typedef struct layer_summary {
    double active, deviation;        // channels above 0: mean and population standard deviation over tokens
    int64_t channels, dead_channels; // never above 0
    // NaN or -1 without experts.
    int64_t experts, dead_experts; // never picked
    double usage_entropy;          // bits: of the experts' shares of the selection weight; at most log2 N_E
    double token_entropy; // bits: mean over tokens, of softmax(r_t); NaN where the router has no logits
    double largest_share; // of the selection weight
} layer_summary;
layer_summary summarize_layer(const ff_statistics *s, int64_t layer);

// Shares of the layer's selection weight [N_E], in the order of experts.
sigmoe_status weight_shares(arena *a, const ff_statistics *s, int64_t layer, double **out);
