#include "analyze/measure.h"

#include "config/model_directory.h"
#include "train/checkpoint.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- labels

// Makes a label from the last `parts` parts of a path, replacing characters that labels cannot have.
static sigmoe_status label_from_path(const char *path, int parts, char label[LABEL_CAPACITY]) {
    char trimmed[PATH_CAPACITY];
    TRY(path_trimmed(trimmed, path));
    const char *start = trimmed + strlen(trimmed);
    for (; start > trimmed; start--)
        if (start[-1] == '/' && --parts == 0) break;
    if (*start == '/') start++;
    size_t length = strlen(start), room = LABEL_CAPACITY - 8; // room for a number after it
    if (length > room) start += length - room;
    snprintf(label, LABEL_CAPACITY, "%s", *start ? start : "model");
    for (char *c = label; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c)) *c = *c == '/' ? '-' : '_';
    if (*label == '.' || *label == '-') *label = '_'; // no hidden files, no options
    return SIGMOE_OK;
}

static bool label_is_taken(const analysis *a, int count, const char *label) {
    for (int i = 0; i < count; i++)
        if (strcmp(a->models[i].label, label) == 0) return true;
    return false;
}

sigmoe_status analysis_label(analysis *a) {
    a->count = a->request->model_count;
    TRY(ARENA_NEW(a->arena, a->models, a->count));
    for (int i = 0; i < a->count; i++) {
        analyzed_model *m = &a->models[i];
        m->path = a->request->models[i];
        TRY(label_from_path(m->path, 1, m->label));
        if (label_is_taken(a, i, m->label)) TRY(label_from_path(m->path, 2, m->label));
        // A numbered label may be another model's, too.
        size_t length = strlen(m->label);
        for (int number = i + 1; label_is_taken(a, i, m->label); number++)
            snprintf(m->label + length, LABEL_CAPACITY - length, "-%d", number);
    }
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- measuring

static sigmoe_status run_text(const analysis *a, const workspace *w, const char *task, analyzed_model *m,
    transformer *model, ff_statistics *s) {
    const sigmoe_analyze_request *r = a->request;
    evaluation e = {.model = model,
        .kernel = w->kernel,
        .activations = w->activations,
        .tokens = a->tokens,
        .data = &a->data,
        .split = r->split,
        .batch = r->batch,
        .memory_segments = m->config.model.memory_eval,
        .limit_tokens = r->limit_tokens,
        .task = task,
        .observer = a->observer,
        .statistics = s};
    return evaluate(&e, &m->scores);
}

static sigmoe_status measure_model(const analysis *a, const workspace *w, analyzed_model *m) {
    char directory[PATH_CAPACITY], task[LABEL_CAPACITY + 16];
    transformer *model;
    TRY(model_locate(m->path, directory));
    TRY(model_read(directory, STORE_VALUES, &m->config, &model));
    const model_config *c = &m->config.model;
    snprintf(task, sizeof task, "analyze %s", m->label);
    sigmoe_status status = config_agrees_with_data(&m->config, &a->data);
    if (status == SIGMOE_OK)
        status = ff_statistics_create(a->arena, c->variant, &c->ff, c->n_layers, FF_DETAILS, &m->now);
    if (status == SIGMOE_OK) status = run_text(a, w, task, m, model, m->now);
    transformer_destroy(model);
    TRY(status);
    return usage_history_read(m->path, m->now->layers, m->now->experts, a->arena, &m->training);
}

sigmoe_status analysis_measure(analysis *a, const workspace *w) {
    for (int i = 0; i < a->count; i++) TRY(measure_model(a, w, &a->models[i]));
    return SIGMOE_OK;
}
