// The variants of the feedforward block, by number and by name.
#pragma once

#include "model/feedforward/feedforward.h"

const ff_variant *ff_variant_at(int index);           // NULL past the end
const ff_variant *ff_variant_named(const char *name); // NULL when unknown
