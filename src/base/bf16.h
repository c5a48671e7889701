// bfloat16: the upper half of a float, for storage. Arithmetic uses float; conversion rounds to nearest, ties to even.
#pragma once

#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;

static inline bf16 bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (bf16)(bits >> 16 | 0x40); // a NaN stays one, quiet
    return (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float bf16_value(bf16 x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
