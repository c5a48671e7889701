// What both ways of summing a product-key memory share.
#pragma once

#include "model/feedforward/variant.h"

enum { SUBKEYS_LEFT, SUBKEYS_RIGHT, VALUES }; // A, C [h, n, d/2], values [n², d]

// The first or second half (`half`) of the columns of x [T, d].
static inline matrix pkm_half(matrix x, int half) {
    return matrix_part(x, 0, x.rows, half * (x.cols / 2), x.cols / 2);
}
