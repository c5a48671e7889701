// A kernel's functions for each type of rows, by add_rows and dot_rows, which take the type first.

static void add(real *y, int64_t d, const void *const *rows, const real *weight, int64_t count) {
    add_rows(TYPE_REAL, y, d, rows, weight, count);
}
static void bf16_add(real *y, int64_t d, const void *const *rows, const real *weight, int64_t count) {
    add_rows(TYPE_BF16, y, d, rows, weight, count);
}
static void i8_add(real *y, int64_t d, const void *const *rows, const real *weight, int64_t count) {
    add_rows(TYPE_I8, y, d, rows, weight, count);
}

static void dot(real *result, const real *x, int64_t d, const void *const *rows, int64_t count) {
    dot_rows(TYPE_REAL, result, x, d, rows, count);
}
static void bf16_dot(real *result, const real *x, int64_t d, const void *const *rows, int64_t count) {
    dot_rows(TYPE_BF16, result, x, d, rows, count);
}
