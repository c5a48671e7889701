// An analysis of what the feedforward blocks of trained models do with a text: measured, written as CSV, drawn, put on one
// page.
#pragma once

#include "analyze/text.h"
#include "base/progress.h"
#include "config/config_file.h"
#include "model/workspace.h"
#include "plot/figure.h"
#include "system/file.h"
#include "train/evaluate.h"
#include "train/expert_load.h"

enum { LABEL_CAPACITY = 48 };

typedef struct analyzed_model {
    const char *path; // as the user gave it
    char label
        [LABEL_CAPACITY]; // distinct; only letters, digits, '-', '_', '.': safe in file names, scripts and pages
    sigmoe_config config;
    sigmoe_scores scores;
    ff_statistics *now;     // what it does with the text
    usage_history training; // for a RUN: what it did with its batches
} analyzed_model;

// A figure on the page, under a heading that several figures may share.
typedef struct drawing {
    const char *section;
    figure figure;
} drawing;

typedef struct analysis {
    const sigmoe_analyze_request *request;
    const sigmoe_observer *observer; // may be NULL
    arena *arena;                    // holds all texts and numbers
    char directory[PATH_CAPACITY];   // where files are written
    dataset data;
    const token_split *tokens;
    int count;
    analyzed_model *models; // [count]
    const char **names;     // [count] their labels
    row_style *styles;      // [count] their colours
    progress_meter drawing_meter;
    int drawn;
    drawing *drawings; // [drawn]
} analysis;

// Writes the file `name` of a->directory whole, or not at all.
sigmoe_status analysis_write(const analysis *a, const char *name, file_contents *print, const void *context);
