#include "data/sha256.h"
#include "formats/file.h"

void sha256_hex(struct sha256_ctx *state, char hex[SHA256_HEX]) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(state, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

sigmoe_status sha256_file(const char *path, char hex[SHA256_HEX]) {
    file_map map;
    TRY(file_map_open(path, &map));
    struct sha256_ctx state;
    sha256_init(&state);
    if (map.size) sha256_update(&state, map.size, map.bytes);
    sha256_hex(&state, hex);
    file_map_close(&map);
    return SIGMOE_OK;
}
