#include "data/fetch.h"
#include "data/download.h"
#include "data/sha256.h"

#include <string.h>

bool is_url(const char *name) {
    return strstr(name, "://") != NULL;
}

// A download belongs to its URL: what another left behind must not be gone on with.
static sigmoe_status kept_path(const char *keep, const char *url, char path[PATH_CAPACITY]) {
    struct sha256_ctx state;
    char hash[SHA256_HEX];
    sha256_init(&state);
    sha256_update(&state, strlen(url), (const uint8_t *)url);
    sha256_hex(&state, hash);
    return path_format(path, "%s-%.8s", keep, hash);
}

static void note_failure(const fetch_request *r) {
    if (r->observer && r->observer->note) r->observer->note(r->observer->context, sigmoe_message());
}

sigmoe_status fetch(const fetch_request *r, char path[PATH_CAPACITY]) {
    sigmoe_status status = SIGMOE_OK;
    for (int i = 0; i < r->count; i++) {
        TRY(kept_path(r->keep, r->urls[i], path));
        if (path_exists(path)) return SIGMOE_OK;
    }
    for (int i = 0; i < r->count; i++) {
        if (i > 0) note_failure(r);
        TRY(kept_path(r->keep, r->urls[i], path));
        status = download(&(download_request){
            .url = r->urls[i], .path = path, .task = r->task, .sha256 = r->sha256, .observer = r->observer});
        if (status == SIGMOE_OK || status == SIGMOE_INTERRUPTED) return status;
    }
    return r->count == 1 ? status : fail_in(status, "none of %d addresses has it; the last", r->count);
}
