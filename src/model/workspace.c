#include "model/workspace.h"

sigmoe_status workspace_open(int thread_count, workspace *w) {
    *w = (workspace){0};
    sigmoe_status status = threads_create(thread_count, &w->kernel.threads);
    if (status == SIGMOE_OK) status = arena_create("scratch", &w->kernel.scratch);
    if (status == SIGMOE_OK) status = arena_create("activations", &w->activations);
    if (status != SIGMOE_OK) workspace_close(w);
    return status;
}

void workspace_close(workspace *w) {
    threads_destroy(w->kernel.threads);
    arena_destroy(w->kernel.scratch);
    arena_destroy(w->activations);
    *w = (workspace){0};
}
