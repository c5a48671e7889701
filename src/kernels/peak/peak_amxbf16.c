#include "kernels/peak/peak.h"

#include <immintrin.h>

enum { TILES = 4, TILE_ROWS = 16, TILE_BYTES = 64, TILE_OPERATIONS = 2 * 16 * 16 * 32 };

typedef struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_configuration;

float peak_chains_amxbf16(int64_t rounds, double *operations) {
    tile_configuration configuration = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        configuration.row_bytes[i] = TILE_BYTES;
        configuration.rows[i] = TILE_ROWS;
    }
    _tile_loadconfig(&configuration);
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
    float sums[TILE_ROWS * TILE_ROWS];
    _tile_stored(0, sums, TILE_BYTES);
    _tile_release();
    *operations = (double)TILES * TILE_OPERATIONS * (double)rounds;
    return sums[0];
}
