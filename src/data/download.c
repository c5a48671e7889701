#include "data/download.h"
#include "data/progress.h"
#include "data/sha256.h"
#include "formats/file.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char allowed_protocols[] = "http,https,file";
enum { CONNECT_SECONDS = 30, STALLED_SECONDS = 60, MOST_REDIRECTS = 10, HTTP_RANGE_NOT_SATISFIABLE = 416 };

typedef struct transfer {
    const download_request *request;
    char partial_path[PATH_CAPACITY];
    FILE *partial;
    int64_t resumed; // bytes that were there
    sigmoe_status stopped;
    progress_meter meter;
    char reason[CURL_ERROR_SIZE];
} transfer;

static size_t keep_bytes(char *bytes, size_t size, size_t count, void *context) {
    transfer *t = context;
    return fwrite(bytes, size, count, t->partial);
}

static int report(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up_done) {
    (void)up_total, (void)up_done;
    transfer *t = context;
    t->meter.state.total = total > 0 ? (double)(t->resumed + total) : NAN;
    t->stopped = progress_at(&t->meter, (double)(t->resumed + done));
    return t->stopped != SIGMOE_OK;
}

static CURLcode set_options(CURL *curl, transfer *t) {
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                   \
    if (code == CURLE_OK) code = curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, t->request->url);
    SET(CURLOPT_PROTOCOLS_STR, allowed_protocols);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)MOST_REDIRECTS);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)STALLED_SECONDS);
    SET(CURLOPT_USERAGENT, "sigmoe/" SIGMOE_VERSION);
    SET(CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->resumed);
    SET(CURLOPT_WRITEFUNCTION, keep_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, report);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_ERRORBUFFER, t->reason);
#undef SET
    return code;
}

static sigmoe_status explain(const transfer *t, CURLcode code, long answer) {
    const char *url = t->request->url, *reason = t->reason[0] ? t->reason : curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
        return fail(
            SIGMOE_IO, "cannot reach %s (%s): without a network, give the file itself instead", url, reason);
    case CURLE_HTTP_RETURNED_ERROR:
        return fail(SIGMOE_IO, "cannot download %s: the server answers %ld", url, answer);
    case CURLE_WRITE_ERROR:
        return fail_errno("cannot write %s", t->partial_path);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return fail(SIGMOE_BAD_ARGUMENT, "cannot download %s: it is no http, https or file URL", url);
    case CURLE_PARTIAL_FILE:
        return fail(
            SIGMOE_IO, "the connection broke while downloading %s; run it again to go on from there", url);
    default:
        return fail(SIGMOE_IO, "cannot download %s: %s", url, reason);
    }
}

// One try, from the partial file's end. *useless: the server cannot go on from there.
static sigmoe_status transfer_once(transfer *t, bool *useless) {
    CURL *curl = curl_easy_init();
    if (!curl) return fail(SIGMOE_NO_MEMORY, "no memory to download %s", t->request->url);
    t->stopped = SIGMOE_OK;
    progress_begin(&t->meter, t->request->observer, t->request->task, "bytes", (double)t->resumed, NAN);
    CURLcode code = set_options(curl, t);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(curl);
    if (t->stopped != SIGMOE_OK) return t->stopped;
    // 416: nothing lies behind what we have. libcurl takes that for success, but it may be too much or something else.
    *useless = t->resumed > 0 && (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME ||
                                     answer == HTTP_RANGE_NOT_SATISFIABLE);
    if (code != CURLE_OK) return explain(t, code, answer);
    if (!*useless) progress_end(&t->meter);
    return SIGMOE_OK;
}

static sigmoe_status open_partial(transfer *t, const char *mode) {
    struct stat about;
    t->partial = fopen(t->partial_path, mode);
    if (!t->partial || fstat(fileno(t->partial), &about) != 0)
        return fail_errno("cannot write %s", t->partial_path);
    t->resumed = about.st_size;
    return SIGMOE_OK;
}

static sigmoe_status close_partial(transfer *t) {
    if (!t->partial) return SIGMOE_OK;
    bool written = fflush(t->partial) == 0 && fsync(fileno(t->partial)) == 0;
    sigmoe_status status = written ? SIGMOE_OK : fail_errno("cannot write %s", t->partial_path);
    if (t->resumed == 0 && ftello(t->partial) == 0) unlink(t->partial_path); // nothing to go on from
    fclose(t->partial);
    t->partial = NULL;
    return status;
}

static sigmoe_status transfer_all(transfer *t) {
    bool useless = false;
    sigmoe_status status = open_partial(t, "abe");
    if (status == SIGMOE_OK) status = transfer_once(t, &useless);
    if (useless) { // begin anew
        useless = false;
        close_partial(t);
        status = open_partial(t, "wbe");
        if (status == SIGMOE_OK) status = transfer_once(t, &useless);
    }
    sigmoe_status closed = close_partial(t);
    return status != SIGMOE_OK ? status : closed;
}

static sigmoe_status check_and_rename(const transfer *t) {
    const download_request *r = t->request;
    char hash[SHA256_HEX];
    if (r->sha256) {
        TRY(sha256_file(t->partial_path, hash));
        if (strcmp(hash, r->sha256) != 0) {
            unlink(t->partial_path); // going on from wrong bytes would never help
            return fail(SIGMOE_BAD_FORMAT, "%s has the SHA-256 %s; it must have %s", r->url, hash, r->sha256);
        }
    }
    if (rename(t->partial_path, r->path) != 0)
        return fail_errno("cannot rename %s to %s", t->partial_path, r->path);
    return SIGMOE_OK;
}

sigmoe_status download(const download_request *request) {
    transfer t = {.request = request};
    TRY(path_format(t.partial_path, "%s.partial", request->path));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(SIGMOE_NO_MEMORY, "libcurl cannot start");
    sigmoe_status status = transfer_all(&t);
    curl_global_cleanup();
    return status == SIGMOE_OK ? check_and_rename(&t) : status;
}
