// Opens the inputs, then measures, draws and writes, in a directory that gets its name at the end.
#include "analyze/analyze.h"

#include "analyze/draw.h"
#include "analyze/json.h"
#include "analyze/measure.h"
#include "analyze/model_styles.h"
#include "analyze/page.h"
#include "analyze/tables.h"
#include "plot/gnuplot.h"
#include "system/output_directory.h"
#include "train/checkpoint.h"

#include <stdlib.h>

static sigmoe_status check_request(const sigmoe_analyze_request *r) {
    if (!r->models || r->model_count < 1 || !r->data || !r->split || !r->out)
        return fail(
            SIGMOE_BAD_ARGUMENT, "an analysis needs models, data, a split and a place for its results");
    if (r->batch < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "batch is %lld; it must be 1 or more", (long long)r->batch);
    if (r->limit_tokens < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "the limit is %lld tokens; it must be 0 (all) or more",
            (long long)r->limit_tokens);
    return SIGMOE_OK;
}

static sigmoe_status keep_inputs(const sigmoe_analyze_request *r, const char *out) {
    static const char choice[] = "directory for the results";
    TRY(output_directory_spares(out, r->data, "the data", choice));
    for (int i = 0; i < r->model_count; i++) {
        char directory[PATH_CAPACITY];
        TRY(output_directory_spares(out, r->models[i], "the model", choice));
        TRY(model_locate(r->models[i], directory)); // of a run's checkpoints, which may be links
        TRY(output_directory_spares(out, directory, "the model", choice));
    }
    return SIGMOE_OK;
}

static sigmoe_status measure(analysis *a) {
    workspace w;
    TRY(workspace_open(a->observer ? a->observer->threads : 0, &w));
    sigmoe_status status = analysis_measure(a, &w);
    workspace_close(&w);
    return status;
}

static sigmoe_status write_files(analysis *a) {
    TRY(analysis_draw(a));
    TRY(analysis_write_tables(a));
    return analysis_write_page(a);
}

static sigmoe_status fill_directory(analysis *a, const char *out, char **text) {
    output_directory *directory; // too large for the stack
    TRY(ARENA_NEW(a->arena, directory, 1));
    TRY(output_begin(directory, out, OUTPUT_ANALYSIS, a->request->force));
    sigmoe_status status = path_format(a->directory, "%s", directory->partial);
    if (status == SIGMOE_OK) status = measure(a);
    if (status == SIGMOE_OK) status = analysis_style(a);
    if (status == SIGMOE_OK) status = a->request->json ? analysis_json(a, text) : analysis_text(a, text);
    if (status == SIGMOE_OK) status = write_files(a);
    return output_end(directory, status);
}

static sigmoe_status carry_out(analysis *a, const char *out, char **text) {
    token_split *tokens;
    TRY(analysis_label(a));
    TRY(dataset_open(a->request->data, &a->data));
    if (a->request->verify) TRY(dataset_verify(&a->data, a->observer));
    TRY(dataset_open_split(&a->data, a->request->split, &tokens));
    a->tokens = tokens;
    sigmoe_status status = fill_directory(a, out, text);
    token_split_close(tokens);
    return status;
}

sigmoe_status analyze(
    const sigmoe_analyze_request *request, const sigmoe_observer *observer, char **summary) {
    char out[PATH_CAPACITY], *text = NULL;
    TRY(check_request(request));
    TRY(path_of_output(out, request->out));
    if (!request->force) TRY(output_check(out, false));
    TRY(keep_inputs(request, out));
    sigmoe_analyze_request r = *request;
    r.figures = plot_ready(request->figures, observer);
    analysis a = {.request = &r, .observer = observer};
    TRY(arena_create("analysis", &a.arena));
    sigmoe_status status = carry_out(&a, out, &text);
    arena_destroy(a.arena);
    if (status == SIGMOE_OK)
        *summary = text;
    else
        free(text);
    return status;
}
