#include "train/checkpoint_keep.h"

#include "formats/json_objects.h"

#include <inttypes.h>

static const int64_t MOST = 1000000000000;

const checkpoint_keep checkpoint_keep_default = {.newest = 2};

sigmoe_status checkpoint_keep_check(const checkpoint_keep *keep) {
    if (keep->newest < 1 || keep->newest > MOST)
        return fail(SIGMOE_BAD_ARGUMENT, "keep is %" PRId64 "; it must lie between 1 and %" PRId64,
            keep->newest, MOST);
    if (keep->every < 0 || keep->every > MOST)
        return fail(SIGMOE_BAD_ARGUMENT, "keep_every is %" PRId64 "; it must lie between 0 and %" PRId64,
            keep->every, MOST);
    return SIGMOE_OK;
}

json_t *checkpoint_keep_to_json(const checkpoint_keep *keep) {
    return json_pack("{s:I, s:I, s:b}", "newest", (json_int_t)keep->newest, "every", (json_int_t)keep->every,
        "best", keep->best);
}

sigmoe_status checkpoint_keep_from_json(const json_t *object, checkpoint_keep *keep) {
    *keep = checkpoint_keep_default;
    if (!object) return SIGMOE_OK;
    TRY(json_get_integer(object, "keep.", "newest", 1, &keep->newest));
    TRY(json_get_integer(object, "keep.", "every", 0, &keep->every));
    keep->best = json_is_true(json_object_get(object, "best"));
    return SIGMOE_OK;
}
