#include "interchange/data_format.h"

#include "base/option.h"
#include "data/dataset_meta.h"

#include <string.h>

sigmoe_status data_format_named(const char *name, data_format *out) {
    static const char *const names[] = {[DATA_NANOGPT] = "nanogpt", [DATA_MEGATRON] = "megatron"};
    enum { COUNT = sizeof names / sizeof *names };
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (data_format)i;
        return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_ARGUMENT, "there is no `format` \"%.40s\" of data%s", name,
        option_hint("", name, names, COUNT, NULL).text);
}

const char *data_format_split(data_format format, int split) {
    return format == DATA_NANOGPT && split == 1 ? "val" : split_names[split];
}
