// Chapter 11: watching and plotting.
#include "api/request.h"
#include "watch/plot.h"
#include "watch/watch.h"

#include <stdlib.h>

void sigmoe_watch_defaults_sized(sigmoe_watch_request *request, size_t size) {
    const sigmoe_watch_request own = {.columns = 80};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_watch_open(const char *run, sigmoe_watch **out) {
    sigmoe_watch *w = calloc(1, sizeof *w);
    if (!w) return fail(SIGMOE_NO_MEMORY, "no memory to watch a run");
    sigmoe_status status = watch_open(run, w);
    if (status == SIGMOE_OK)
        *out = w;
    else
        sigmoe_watch_free(w);
    return status;
}

void sigmoe_watch_free(sigmoe_watch *w) {
    if (!w) return;
    run_series_close(&w->series);
    free(w);
}

sigmoe_status sigmoe_watch_look(
    sigmoe_watch *w, const sigmoe_watch_request *request, char **text, bool *training) {
    *text = NULL;
    sigmoe_watch_request own;
    TRY(REQUEST_READ(own, request, "watch"));
    return watch_look(w, &own, text, training);
}

void sigmoe_plot_defaults_sized(sigmoe_plot_request *request, size_t size) {
    const sigmoe_plot_request own = {.columns = 80, .lines = 24};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_plot(const sigmoe_plot_request *request, char **text) {
    *text = NULL;
    sigmoe_plot_request own;
    TRY(REQUEST_READ(own, request, "plot"));
    return plot_runs(&own, text);
}
