#include "system/sha256.h"

#include "system/file.h"

#include <errno.h>
#include <unistd.h>

// Read, not mapped: while its checksum is computed, a large checkpoint must not count as memory of the process.
enum { BLOCK = 1 << 13 }; // on the stack

void sha256_hex(struct sha256_ctx *state, char hex[SHA256_HEX]) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(state, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

sigmoe_status sha256_file(const char *path, char hex[SHA256_HEX]) {
    uint8_t block[BLOCK];
    struct sha256_ctx state;
    int descriptor = -1;
    int64_t size;
    ssize_t got;
    TRY(file_open(path, &descriptor, &size));
    sha256_init(&state);
    while ((got = read(descriptor, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) sha256_update(&state, (size_t)got, block);
    sigmoe_status status = got == 0 ? SIGMOE_OK : fail_errno("cannot read %s", path);
    close(descriptor);
    sha256_hex(&state, hex);
    return status;
}
