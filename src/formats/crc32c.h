// The checksum of TFRecord files: CRC-32C (Castagnoli).
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t size);
