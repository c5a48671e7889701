#include "data/dataset_identity.h"

#include "data/dataset_meta.h"
#include "data/split_sums.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"

static sigmoe_status put_missing(const dataset *d, const char *name, json_t *splits) {
    json_t *split = json_object_get(splits, name);
    token_split *tokens;
    if (json_object_get(split, split_sums_key)) return SIGMOE_OK;
    TRY(dataset_open_split(d, name, &tokens));
    sigmoe_status status = split ? SIGMOE_OK : json_put(splits, name, split = json_object());
    if (status == SIGMOE_OK) status = split_sums_put(split, tokens);
    token_split_close(tokens);
    return status;
}

// A split that cannot be opened has no sums; whoever needs it fails when opening it.
static sigmoe_status put_if_there(const dataset *d, const char *name, json_t *splits) {
    sigmoe_status status = put_missing(d, name, splits);
    return status == SIGMOE_NO_MEMORY ? status : SIGMOE_OK;
}

sigmoe_status dataset_identity(const dataset *d, json_t **out) {
    char path[PATH_CAPACITY];
    json_t *meta;
    TRY(path_format(path, "%s/meta.json", d->directory));
    TRY(json_read_object(path, &meta));
    const json_t *said = json_object_get(meta, "splits");
    json_t *splits = said ? json_whole_copy(said) : json_object();
    json_decref(meta);
    if (!splits) return fail(SIGMOE_NO_MEMORY, "no memory for the description of the data");
    sigmoe_status status = put_if_there(d, split_names[0], splits);
    if (status == SIGMOE_OK) status = put_if_there(d, split_names[1], splits);
    return json_hand_out(status, splits, out);
}

void dataset_identity_match(json_t *now, const json_t *recorded) {
    for (int i = 0; i < SPLITS; i++) {
        json_t *split = json_object_get(now, split_names[i]);
        const json_t *before = json_object_get(recorded, split_names[i]);
        if (!json_object_get(before, split_sums_key)) json_object_del(split, split_sums_key);
        if (!before && json_object_size(split) == 0) json_object_del(now, split_names[i]);
    }
}

bool dataset_identity_equal(json_t *now, const json_t *recorded) {
    dataset_identity_match(now, recorded);
    bool none = json_object_size(now) == 0 && !json_is_object(recorded); // version 0.1.0 wrote null
    return none || json_equal(now, recorded);
}
