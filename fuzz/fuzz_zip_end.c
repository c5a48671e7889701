// The end of a zip file: the first two bytes say how many files were read, the others are the file.
#include "fuzz.h"

#include "prepare/archive/zip_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static zip_end whole, pieces;
    if (size < 2) return 0;
    int64_t entries = bytes[0] | bytes[1] << 8;
    whole.size = pieces.size = 0;
    zip_end_feed(&whole, bytes + 2, size - 2);
    for (size_t i = 2, piece = 1 + size % 5; i < size; i += piece)
        zip_end_feed(&pieces, bytes + i, size - i < piece ? size - i : piece);
    if (zip_end_check(&whole, entries, "input") != zip_end_check(&pieces, entries, "input")) abort();
    return 0;
}
