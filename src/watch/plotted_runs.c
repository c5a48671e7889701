#include "watch/plotted_runs.h"

#include "system/directory.h"
#include "watch/shown_text.h"

static sigmoe_status has(const char *directory, const char *name, bool *found) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s", directory, name));
    *found = path_exists(path);
    return SIGMOE_OK;
}

static sigmoe_status add_run(plotted_runs *r, const char *path, const char *name) {
    if (r->count == MOST_PLOTTED_RUNS)
        return fail(SIGMOE_BAD_ARGUMENT, "there are more than %d runs: name fewer", MOST_PLOTTED_RUNS);
    plotted_run *run = &r->run[r->count];
    TRY(shown_text(r->arena, name, &run->name));
    TRY(run_series_open(&run->series, path));
    r->count++;
    return run_series_read(&run->series, false);
}

static sigmoe_status add_runs_below(plotted_runs *r, const char *comparison) {
    char folder[PATH_CAPACITY], path[PATH_CAPACITY];
    char **names;
    int count, before = r->count;
    bool begun;
    TRY(path_format(folder, "%s/runs", comparison));
    TRY(directory_list(folder, r->arena, &names, &count));
    for (int i = 0; i < count; i++) {
        TRY(path_format(path, "%s/%s", folder, names[i]));
        TRY(has(path, "metrics.jsonl", &begun));
        if (begun) TRY(add_run(r, path, names[i]));
    }
    return r->count > before ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "no run of %s has begun", comparison);
}

static sigmoe_status add_path(plotted_runs *r, const char *given) {
    char path[PATH_CAPACITY];
    bool run, comparison;
    TRY(path_trimmed(path, given));
    TRY(has(path, "train.json", &run));
    TRY(has(path, "compare.json", &comparison));
    if (run) return add_run(r, path, path);
    if (comparison) return add_runs_below(r, path);
    return fail(SIGMOE_BAD_ARGUMENT,
        "%s is neither a run nor a comparison: it has no train.json and no compare.json", path);
}

sigmoe_status plotted_runs_read(plotted_runs *r, const char *const *paths, int count) {
    r->arena = NULL;
    r->count = 0;
    TRY(arena_create("runs", &r->arena));
    for (int i = 0; i < count; i++) TRY(add_path(r, paths[i]));
    return SIGMOE_OK;
}

void plotted_runs_close(plotted_runs *r) {
    for (int i = 0; i < r->count; i++) run_series_close(&r->run[i].series);
    arena_destroy(r->arena);
}

int64_t plotted_runs_steps(const plotted_runs *r) {
    int64_t most = 0;
    for (int i = 0; i < r->count; i++) {
        const series *s = &r->run[i].series.steps;
        if (s->count > 0 && s->step[s->count - 1] + 1 > most) most = s->step[s->count - 1] + 1;
    }
    return most;
}
