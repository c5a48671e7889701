#include "prepare/fetch/fetch.h"

#include "base/progress.h"
#include "prepare/fetch/download.h"
#include "system/sha256.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { KEPT_DIGITS = 8 }; // of the URL's hash, in the name

// A download belongs to its URL: it must not resume what another URL left behind.
static sigmoe_status kept_path(const char *keep, const char *url, char path[PATH_CAPACITY]) {
    struct sha256_ctx state;
    char hash[SHA256_HEX];
    sha256_init(&state);
    sha256_update(&state, strlen(url), (const uint8_t *)url);
    sha256_hex(&state, hash);
    return path_format(path, "%s-%.*s", keep, KEPT_DIGITS, hash);
}

// Removes what other addresses left in part: it is no longer needed.
static void forget_others(const fetch_request *r) {
    char path[PATH_CAPACITY];
    for (int i = 0; i < r->count; i++)
        if (kept_path(r->keep, r->urls[i], path) == SIGMOE_OK) download_forget(path);
}

static void note_failure(const fetch_request *r) {
    progress_note(r->observer, "%s", sigmoe_message());
}

static bool is_local(const char *url) {
    return strncasecmp(url, "file:", 5) == 0;
}

static sigmoe_status refuse_offline(const fetch_request *r) {
    char shown[PATH_CAPACITY];
    url_shown(r->urls[0], shown);
    return fail(SIGMOE_IO, "%s is not here, and `offline` forbids to fetch it: give the file itself", shown);
}

sigmoe_status fetch(const fetch_request *r, char path[PATH_CAPACITY]) {
    sigmoe_status status = SIGMOE_OK;
    for (int i = 0; i < r->count; i++) {
        TRY(kept_path(r->keep, r->urls[i], path));
        if (path_exists(path)) return SIGMOE_OK;
    }
    if (r->offline && !is_local(r->urls[0])) return refuse_offline(r);
    for (int i = 0; i < r->count; i++) {
        if (i > 0) note_failure(r);
        TRY(kept_path(r->keep, r->urls[i], path));
        status = download(&(download_request){.url = r->urls[i],
            .path = path,
            .task = r->task,
            .sha256 = r->sha256,
            .most_bytes = r->most_bytes,
            .observer = r->observer});
        if (status == SIGMOE_OK) forget_others(r);
        if (status == SIGMOE_OK || status == SIGMOE_INTERRUPTED) return status;
    }
    return r->count == 1 ? status : fail_in(status, "none of %d addresses has it; the last", r->count);
}

// ---------------------------------------------------------------- leftovers

static bool is_kept_name(const char *name, const char *begin) {
    size_t length = strlen(begin), digits = 0;
    if (strncmp(name, begin, length) != 0 || name[length] != '-') return false;
    name += length + 1;
    digits = strspn(name, "0123456789abcdef");
    name += digits;
    static const char *const ends[] = {"", ".partial", ".partial.origin"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (digits == KEPT_DIGITS && strcmp(name, ends[i]) == 0) return true;
    return false;
}

static bool is_spared(const char *path, const char *const *spared, int count) {
    for (int i = 0; i < count; i++)
        if (path_inside(spared[i], path)) return true;
    return false;
}

void fetch_forget(const char *keep, const char *const *spared, int count) {
    char directory[PATH_CAPACITY], path[PATH_CAPACITY], **names;
    int found = 0;
    arena *a;
    if (path_parent(keep, directory) != SIGMOE_OK || arena_create("downloads", &a) != SIGMOE_OK) return;
    if (directory_list(directory, a, &names, &found) != SIGMOE_OK) found = 0;
    for (int i = 0; i < found; i++)
        if (is_kept_name(names[i], path_leaf(keep)) &&
            path_format(path, "%s/%s", directory, names[i]) == SIGMOE_OK && !is_spared(path, spared, count))
            unlink(path);
    arena_destroy(a);
}
