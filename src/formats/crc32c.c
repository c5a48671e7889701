#include "formats/crc32c.h"

static uint32_t of_byte(uint32_t byte) {
    static const uint32_t POLYNOMIAL = 0x82f63b78; // reflected
    for (int bit = 0; bit < 8; bit++) byte = (byte >> 1) ^ (byte & 1 ? POLYNOMIAL : 0);
    return byte;
}

// Bit by bit: the records are few and short.
uint32_t crc32c(const void *bytes, size_t size) {
    const unsigned char *b = bytes;
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < size; i++) crc = (crc >> 8) ^ of_byte((crc ^ b[i]) & 0xff);
    return ~crc;
}
