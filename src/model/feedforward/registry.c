#include "model/feedforward/registry.h"

#include "model/feedforward/variant.h"

#include <string.h>

static const ff_variant *const variants[] = {
#define FF_VARIANT(name) &ff_variant_##name,
#include "model/feedforward/feedforward.inc"
#undef FF_VARIANT
};

const ff_variant *ff_variant_at(int index) {
    return index < 0 || index >= (int)(sizeof variants / sizeof *variants) ? NULL : variants[index];
}

const ff_variant *ff_variant_named(const char *name) {
    const ff_variant *variant;
    for (int i = 0; (variant = ff_variant_at(i)); i++)
        if (strcmp(variant->name, name) == 0) return variant;
    return NULL;
}
