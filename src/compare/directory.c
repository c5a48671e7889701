#include "compare/directory.h"

#include "base/progress.h"
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

// A comparison that was stopped before it could write its record has nothing to resume and starts anew.
static sigmoe_status make_or_find(const char *out) {
    bool empty = true;
    if (output_unsettled(out)) return SIGMOE_OK; // the previous contents will be restored
    if (path_exists(out)) TRY(output_is_bare(out, &empty));
    if (!empty) return fail(SIGMOE_BAD_ARGUMENT, "%s is no comparison: it has no compare.json", out);
    return directory_make(out);
}

// What is as it was, is carried over: how often the scores were judged, unless all runs are to be trained anew.
static sigmoe_status renew_record(
    comparison_plan *p, const char *path, const json_t *record, const sigmoe_observer *observer) {
    json_t *before, *renewed;
    TRY(json_read_object(path, &before));
    sigmoe_status status = plan_check_same(p->request->out, before, record);
    bool anew = status == SIGMOE_OK && record_steps_differ(before, record);
    p->sequential |= !anew && json_is_true(json_object_get(before, "sequential"));
    if (anew)
        progress_note(observer, "the steps are %lld now: every run is trained anew",
            (long long)p->request->settings.steps);
    if (status == SIGMOE_OK)
        status = plan_record(p, anew ? NULL : json_object_get(before, "looks"), &renewed);
    if (status == SIGMOE_OK) status = json_save(status, path, renewed);
    json_decref(before);
    return status;
}

sigmoe_status comparison_renew(comparison_plan *p, const sigmoe_observer *observer) {
    char path[PATH_CAPACITY];
    json_t *record;
    TRY(path_format(path, "%s/compare.json", p->request->out));
    TRY(plan_record(p, NULL, &record));
    sigmoe_status status = renew_record(p, path, record, observer);
    json_decref(record);
    return status;
}

static sigmoe_status resume(
    comparison_plan *p, const sigmoe_observer *observer, const char *path, const json_t *record, int *lock) {
    if (!path_exists(path)) TRY(make_or_find(p->request->out));
    TRY(place_lock(p->request->out, OUTPUT_COMPARISON, observer, lock));
    sigmoe_status status =
        path_exists(path) ? renew_record(p, path, record, observer) : json_write(path, record);
    if (status == SIGMOE_OK) return SIGMOE_OK;
    place_unlock(*lock);
    *lock = -1;
    return status;
}

sigmoe_status comparison_open(comparison_plan *p, const sigmoe_observer *observer, int *lock) {
    char path[PATH_CAPACITY];
    json_t *record;
    TRY(path_format(path, "%s/compare.json", p->request->out));
    TRY(plan_record(p, NULL, &record));
    sigmoe_status status =
        p->request->resume ? resume(p, observer, path, record, lock) : begin(p, observer, path, record, lock);
    json_decref(record);
    return status;
}

sigmoe_status comparison_look(comparison_plan *p) {
    char path[PATH_CAPACITY];
    json_t *record;
    TRY(path_format(path, "%s/compare.json", p->request->out));
    TRY(json_read_object(path, &record));
    json_t *looks = json_object_get(record, "looks");
    size_t count = json_array_size(looks);
    json_int_t last = count > 0 ? json_integer_value(json_array_get(looks, count - 1)) : 0;
    sigmoe_status status = SIGMOE_OK;
    if (last != p->seed_count && json_array_append_new(looks, json_integer(p->seed_count)) != 0)
        status = fail(SIGMOE_BAD_FORMAT, "%s: \"looks\" must be a list", path);
    p->look = (int)json_array_size(looks);
    return json_save(status, path, record);
}

static sigmoe_status check_against(comparison_plan *p, const json_t *before) {
    json_t *record;
    TRY(plan_record(p, NULL, &record));
    sigmoe_status status = plan_check_same(p->request->out, before, record);
    size_t looks = json_array_size(json_object_get(before, "looks"));
    json_decref(record);
    if (looks > 0) p->look = (int)looks;
    p->sequential |= json_is_true(json_object_get(before, "sequential"));
    return status;
}

sigmoe_status comparison_check(comparison_plan *p) {
    char path[PATH_CAPACITY];
    json_t *before;
    TRY(path_format(path, "%s/compare.json", p->request->out));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(json_read_object(path, &before));
    sigmoe_status status = check_against(p, before);
    json_decref(before);
    return status;
}
