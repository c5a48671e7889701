// AMX's tile registers, for the _amxbf16.c files. A thread configures them only while it works on a task: the system saves them
// only then.
#pragma once

#include <immintrin.h>
#include <stdint.h>

enum { TILE_REGISTERS = 8, REGISTER_ROWS = 16, REGISTER_BYTES = 64 }; // 16 x 16 words of 4 bytes

// The operand of ldtilecfg.
typedef struct register_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} register_shapes;

static inline register_shapes whole_registers(void) {
    register_shapes shapes = {.palette = 1};
    for (int i = 0; i < TILE_REGISTERS; i++) {
        shapes.row_bytes[i] = REGISTER_BYTES;
        shapes.rows[i] = REGISTER_ROWS;
    }
    return shapes;
}

// gcc's intrinsics that load registers or their shapes do not declare that they read memory; this makes earlier writes visible
// to them.
static inline void tile_memory_written(void) {
    __asm__ volatile("" ::: "memory");
}

// Also clears all registers, and is slow.
static inline void configure_registers(const register_shapes *shapes) {
    tile_memory_written();
    _tile_loadconfig(shapes);
}
