#include "base/grouped.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

grouped_number grouped(int64_t value) {
    grouped_number out;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value), used = 0;
    for (int i = 0; i < length; i++) {
        bool behind_digit = i > 0 && digits[i - 1] != '-';
        if (behind_digit && (length - i) % 3 == 0) out.text[used++] = ',';
        out.text[used++] = digits[i];
    }
    out.text[used] = '\0';
    return out;
}
