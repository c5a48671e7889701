#include "compare/directory.h"

#include "compare/record.h"
#include "formats/json_options.h"
#include "system/file.h"
#include "system/place.h"

// Replacing the output directory must not remove an input.
static sigmoe_status keep_inputs(const comparison_plan *p) {
    const sigmoe_compare_request *r = p->request;
    static const char choice[] = "directory for the comparison";
    TRY(output_spares(r->out, r->data, "the data", choice));
    if (p->sweep) return output_spares(r->out, path_of_file(p->sweep->name), "the table", choice);
    return output_spares(r->out, path_of_file(r->base_name), "the base", choice);
}

static sigmoe_status begin(const comparison_plan *p, const sigmoe_observer *observer, const char *path,
    const json_t *record, int *lock) {
    const sigmoe_compare_request *r = p->request;
    taken_place place;
    if (r->force) TRY(keep_inputs(p));
    TRY(place_take(&place, r->out, OUTPUT_COMPARISON, r->force, observer));
    TRY(place_settle(&place, json_write(path, record)));
    *lock = place.lock;
    return SIGMOE_OK;
}

static sigmoe_status check_record(const comparison_plan *p, const char *path, const json_t *record) {
    json_t *before;
    TRY(json_read_object(path, &before));
    sigmoe_status status = plan_check_same(p->request->out, before, record);
    json_decref(before);
    return status;
}

// A comparison that was stopped before it could write its record has nothing to resume and starts anew.
static sigmoe_status make_or_find(const char *out) {
    bool empty = true;
    if (output_unsettled(out)) return SIGMOE_OK; // the previous contents will be restored
    if (path_exists(out)) TRY(output_is_bare(out, &empty));
    if (!empty) return fail(SIGMOE_BAD_ARGUMENT, "%s is no comparison: it has no compare.json", out);
    return directory_make(out);
}

static sigmoe_status resume(const comparison_plan *p, const sigmoe_observer *observer, const char *path,
    const json_t *record, int *lock) {
    if (!path_exists(path)) TRY(make_or_find(p->request->out));
    TRY(place_lock(p->request->out, OUTPUT_COMPARISON, observer, lock));
    return path_exists(path) ? check_record(p, path, record) : json_write(path, record);
}

sigmoe_status comparison_open(const comparison_plan *p, const sigmoe_observer *observer, int *lock) {
    char path[PATH_CAPACITY];
    json_t *record;
    TRY(path_format(path, "%s/compare.json", p->request->out));
    TRY(plan_record(p, &record));
    sigmoe_status status =
        p->request->resume ? resume(p, observer, path, record, lock) : begin(p, observer, path, record, lock);
    json_decref(record);
    return status;
}
