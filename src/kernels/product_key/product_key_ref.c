#include "kernels/product_key/product_key.h"

#include <stdbool.h>

static bool ranks_before(real score, int32_t index, real other, int32_t other_index) {
    if (score > other) return true;
    if (other > score) return false;
    bool missing = score != score, other_missing = other != other;
    return missing == other_missing ? index < other_index : other_missing;
}

// All sums, each inserted into the sorted list of the best so far.
static void row(const real *a, const real *b, int64_t n, int64_t count, int32_t *scratch, real *scores,
    int32_t *indices) {
    (void)scratch;
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            real sum = a[i] + b[j];
            int32_t index = (int32_t)(i * n + j);
            if (found == count && !ranks_before(sum, index, scores[count - 1], indices[count - 1])) continue;
            int64_t place = found < count ? found++ : count - 1;
            for (; place > 0 && ranks_before(sum, index, scores[place - 1], indices[place - 1]); place--) {
                scores[place] = scores[place - 1];
                indices[place] = indices[place - 1];
            }
            scores[place] = sum;
            indices[place] = index;
        }
}

extern const product_key_kernel product_key_ref;
const product_key_kernel product_key_ref = {{"ref", CPU_SCALAR}, row};
