#include "kernels/peak/peak.h"
#include "kernels/tile_registers.h"

enum { PRODUCTS = 4, PRODUCT_OPERATIONS = 2 * 16 * 16 * 32 };

float peak_chains_amxbf16(int64_t rounds, double *operations) {
    register_shapes shapes = whole_registers();
    configure_registers(&shapes);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    float sums[REGISTER_ROWS * REGISTER_ROWS];
    _tile_stored(0, sums, REGISTER_BYTES);
    _tile_release();
    *operations = (double)PRODUCTS * PRODUCT_OPERATIONS * (double)rounds;
    return sums[0];
}
