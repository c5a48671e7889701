// NumPy's .npy, versions 1 to 3, C order, little-endian: int32 (input of `forward`) and float32 (its optional output).
#pragma once

#include "base/arena.h"

// Reads an int32 array of exactly `dims` dimensions into the arena.
sigmoe_status npy_read_i32(const char *path, arena *a, int dims, int64_t *shape, int32_t **values);
sigmoe_status npy_write_i32(const char *path, int dims, const int64_t *shape, const int32_t *values);
