// Large numbers for people: 1,234,567. Used as a temporary: grouped(n).text.
#pragma once

#include <stdint.h>

typedef struct grouped_number {
    char text[32];
} grouped_number;
grouped_number grouped(int64_t value);
