#include "prepare/fetch/download.h"

#include "base/progress.h"
#include "prepare/fetch/download_origin.h"
#include "prepare/fetch/shown_url.h"
#include "system/file.h"
#include "system/sha256.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char allowed_protocols[] = "http,https,file";
enum { CONNECT_SECONDS = 30, MOST_REDIRECTS = 10, HTTP_PARTIAL = 206, HTTP_RANGE_NOT_SATISFIABLE = 416 };

download_patience download_least_speed = {.bytes_per_second = 100, .seconds = 60};

typedef struct transfer {
    const download_request *request;
    char url[PATH_CAPACITY]; // for messages, without secrets
    char partial_path[PATH_CAPACITY];
    FILE *partial;
    download_origin origin; // of the partial file's bytes
    int64_t resumed;        // bytes kept from an earlier try; the request asks for the rest
    int64_t received;       // bytes of this response's body
    CURL *curl;
    bool begun;   // the beginning of the response's body has been checked
    bool useless; // the response does not continue from `resumed`
    sigmoe_status stopped;
    progress_meter meter;
    char reason[CURL_ERROR_SIZE];
} transfer;

// ---------------------------------------------------------------- the response

static const char *header(const transfer *t, const char *name) {
    struct curl_header *h;
    return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

// Of the whole file, as the server says it or as it has come.
static sigmoe_status check_most(const transfer *t, int64_t bytes) {
    int64_t most = t->request->most_bytes;
    if (bytes <= most) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s has more than %" PRId64 " bytes, which is too many for what it should be: it is another file",
        t->url, most);
}

// The server sends the whole file: discards the bytes already there.
static sigmoe_status begin_whole(transfer *t, int64_t total) {
    t->resumed = 0;
    TRY(check_most(t, total));
    t->origin = origin_of(header(t, "ETag"), header(t, "Last-Modified"), total);
    if (fflush(t->partial) != 0 || ftruncate(fileno(t->partial), 0) != 0)
        return fail_errno("cannot write %s", t->partial_path);
    return origin_write(&t->origin, t->partial_path);
}

static sigmoe_status begin_body(transfer *t) {
    long answer = 0;
    curl_off_t length = -1;
    int64_t first = 0, total = -1;
    t->begun = true;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (answer != HTTP_PARTIAL) return begin_whole(t, length);
    bool ranged = range_read(header(t, "Content-Range"), &first, &total);
    // A server that does not support If-Range may send the rest of another file.
    if (t->resumed > 0)
        t->useless = !ranged || first != t->resumed ||
                     !origin_allows(&t->origin, header(t, "ETag"), header(t, "Last-Modified"), total);
    if (t->resumed > 0 && t->origin.total < 0) t->origin.total = total;
    return t->resumed > 0 ? SIGMOE_OK : begin_whole(t, total);
}

static size_t keep_bytes(char *bytes, size_t size, size_t count, void *context) {
    transfer *t = context;
    if (!t->begun) t->stopped = begin_body(t);
    if (t->stopped == SIGMOE_OK && !t->useless) {
        t->received += (int64_t)(size * count);
        t->stopped = check_most(t, t->resumed + t->received);
    }
    if (t->stopped != SIGMOE_OK || t->useless) return 0;
    return fwrite(bytes, size, count, t->partial);
}

static int report(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up_done) {
    (void)up_total, (void)up_done;
    transfer *t = context;
    if (t->stopped != SIGMOE_OK) return 1; // stopped by keep_bytes, whose message stands
    t->meter.state.total = total > 0 ? (double)(t->resumed + total) : NAN;
    t->stopped = progress_at(&t->meter, (double)(t->resumed + done));
    return t->stopped != SIGMOE_OK;
}

// ---------------------------------------------------------------- the request

static CURLcode set_options(CURL *curl, transfer *t) {
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                   \
    if (code == CURLE_OK) code = curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, t->request->url);
    SET(CURLOPT_PROTOCOLS_STR, allowed_protocols);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, url_redirects(t->request->url));
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)MOST_REDIRECTS);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, download_least_speed.bytes_per_second);
    SET(CURLOPT_LOW_SPEED_TIME, download_least_speed.seconds);
    SET(CURLOPT_USERAGENT, "sigmoe/" SIGMOE_VERSION);
    SET(CURLOPT_WRITEFUNCTION, keep_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, report);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_ERRORBUFFER, t->reason);
#undef SET
    return code;
}

// Asks for the rest of the partial file, provided that the file on the server is still the same.
static CURLcode set_range(CURL *curl, const transfer *t, struct curl_slist **lines) {
    char range[32], condition[VALIDATOR_CAPACITY + 16];
    if (t->resumed == 0) return CURLE_OK;
    snprintf(range, sizeof range, "%" PRId64 "-", t->resumed);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_RANGE, range);
    if (code != CURLE_OK || !t->origin.validator[0]) return code;
    snprintf(condition, sizeof condition, "If-Range: %s", t->origin.validator);
    *lines = curl_slist_append(NULL, condition);
    return *lines ? curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *lines) : CURLE_OUT_OF_MEMORY;
}

// Whether bytes of another file would be noticed. Copying a local file again costs nothing.
static bool can_go_on(const transfer *t) {
    bool local = strncasecmp(t->request->url, "file:", 5) == 0;
    return !local && (t->origin.validator[0] || t->request->sha256);
}

static const char *how_to_go_on(const transfer *t) {
    return can_go_on(t) ? "run it again to go on from there" : "run it again";
}

static sigmoe_status explain_protocol(const transfer *t, long redirects) {
    if (redirects == 0)
        return fail(SIGMOE_BAD_ARGUMENT, "cannot download %s: it is no http, https or file URL", t->url);
    return fail(SIGMOE_IO,
        "cannot download %s: the server redirects to a URL other than %s, which is not followed", t->url,
        strcmp(url_redirects(t->request->url), "https") == 0 ? "https" : "http and https");
}

static sigmoe_status explain(const transfer *t, CURLcode code, long answer, long redirects) {
    const char *url = t->url, *reason = t->reason[0] ? t->reason : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT && t->begun)
        return fail(SIGMOE_IO, "%s comes too slowly, with less than %ld bytes a second for %ld seconds; %s",
            url, download_least_speed.bytes_per_second, download_least_speed.seconds, how_to_go_on(t));
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
        return explain_protocol(t, redirects);
    case CURLE_PARTIAL_FILE:
        return fail(SIGMOE_IO, "the connection broke while downloading %s; %s", url, how_to_go_on(t));
    default:
        return fail(SIGMOE_IO, "cannot download %s: %s", url, reason);
    }
}

static sigmoe_status transfer_once(transfer *t) {
    struct curl_slist *lines = NULL;
    t->curl = curl_easy_init();
    if (!t->curl) return fail(SIGMOE_NO_MEMORY, "no memory to download %s", t->url);
    t->stopped = SIGMOE_OK;
    t->received = 0;
    t->begun = t->useless = false;
    progress_begin(&t->meter, t->request->observer, t->request->task, "bytes", (double)t->resumed, NAN);
    CURLcode code = set_options(t->curl, t);
    if (code == CURLE_OK) code = set_range(t->curl, t, &lines);
    if (code == CURLE_OK) code = curl_easy_perform(t->curl);
    if (code == CURLE_OK && !t->begun) t->stopped = begin_body(t); // with an empty body
    long answer = 0, redirects = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_cleanup(t->curl);
    curl_slist_free_all(lines);
    if (t->stopped != SIGMOE_OK) return t->stopped;
    if (t->resumed > 0 && answer == HTTP_RANGE_NOT_SATISFIABLE) t->useless = true;
    if (t->useless) return SIGMOE_OK;
    if (code != CURLE_OK) return explain(t, code, answer, redirects);
    progress_end(&t->meter);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the partial file

static sigmoe_status size_of_partial(const transfer *t, int64_t *size) {
    struct stat about;
    if (fflush(t->partial) != 0 || fstat(fileno(t->partial), &about) != 0)
        return fail_errno("cannot write %s", t->partial_path);
    *size = about.st_size;
    return SIGMOE_OK;
}

static sigmoe_status open_partial(transfer *t) {
    int64_t size = 0;
    TRY(file_append(t->partial_path, &t->partial));
    TRY(size_of_partial(t, &size));
    t->origin = origin_read(t->partial_path);
    bool fits = t->origin.total < 0 || size <= t->origin.total;
    t->resumed = can_go_on(t) && fits ? size : 0;
    return SIGMOE_OK;
}

static sigmoe_status close_partial(transfer *t) {
    int64_t size = 0;
    if (!t->partial) return SIGMOE_OK;
    sigmoe_status status = size_of_partial(t, &size);
    if (status == SIGMOE_OK && fsync(fileno(t->partial)) != 0)
        status = fail_errno("cannot write %s", t->partial_path);
    fclose(t->partial);
    t->partial = NULL;
    if (status == SIGMOE_OK && size == 0) download_forget(t->request->path); // nothing to resume
    return status;
}

static sigmoe_status check_size(const transfer *t) {
    int64_t size = 0, total = t->origin.total;
    TRY(size_of_partial(t, &size));
    if (size == 0) return fail(SIGMOE_BAD_FORMAT, "%s is empty", t->url);
    if (total < 0 || size == total) return SIGMOE_OK;
    return fail(SIGMOE_IO, "%s has %" PRId64 " byte%s, but the server sent %" PRId64 "; %s", t->url, total,
        plural(total), size, how_to_go_on(t));
}

static sigmoe_status transfer_all(transfer *t) {
    TRY(open_partial(t));
    // The file was completed but not renamed: nothing is left to download.
    if (t->resumed > 0 && t->resumed == t->origin.total) return SIGMOE_OK;
    TRY(transfer_once(t));
    if (t->useless) {
        t->resumed = 0;
        TRY(transfer_once(t));
    }
    return check_size(t);
}

static sigmoe_status check_and_rename(const transfer *t) {
    const download_request *r = t->request;
    char hash[SHA256_HEX];
    if (r->sha256) {
        TRY(sha256_file(t->partial_path, hash));
        if (strcmp(hash, r->sha256) != 0) {
            download_forget(r->path); // resuming from wrong bytes would never succeed
            return fail(SIGMOE_BAD_FORMAT, "%s has the SHA-256 %s; it must have %s", t->url, hash, r->sha256);
        }
    }
    TRY(file_rename(t->partial_path, r->path));
    origin_remove(t->partial_path);
    return SIGMOE_OK;
}

sigmoe_status download(const download_request *request) {
    transfer t = {.request = request};
    url_shown(request->url, t.url);
    TRY(path_format(t.partial_path, "%s.partial", request->path));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(SIGMOE_NO_MEMORY, "libcurl cannot start");
    kept_failure failure = failure_keep(transfer_all(&t));
    sigmoe_status closed = close_partial(&t);
    curl_global_cleanup();
    if (failure.status == SIGMOE_BAD_FORMAT)
        download_forget(request->path); // another file: nothing to resume
    if (failure.status != SIGMOE_OK) return failure_again(&failure);
    TRY(closed);
    return check_and_rename(&t);
}

void download_forget(const char *path) {
    char partial[PATH_CAPACITY];
    if (path_format(partial, "%s.partial", path) != SIGMOE_OK) return;
    file_remove(partial);
    origin_remove(partial);
}
