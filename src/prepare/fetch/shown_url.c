#include "prepare/fetch/shown_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool is_url(const char *name) {
    return strstr(name, "://") != NULL;
}

// The end of user and password, before `end`: behind the last @, wherever it is, since a password may have slashes that should have
// been escaped. Folders that begin with an @ are none.
static const char *user_end(const char *begin, const char *end) {
    const char *found = begin;
    for (const char *c = begin; c < end; c++)
        if (*c == '@' && (c == begin || c[-1] != '/')) found = c + 1;
    return found;
}

// Whether `host` is followed by a port, if by anything: else it may be a user with the beginning of a password.
static bool is_plain_host(const char *host, const char *end) {
    if (host < end && *host == '[') return true; // an address of IPv6
    const char *slash = memchr(host, '/', (size_t)(end - host)), *stop = slash ? slash : end;
    const char *colon = memchr(host, ':', (size_t)(stop - host));
    return !colon || strspn(colon + 1, "0123456789") == (size_t)(stop - colon - 1);
}

void url_shown(const char *url, char shown[PATH_CAPACITY]) {
    const char *begin = strstr(url, "://");
    if (!begin) {
        snprintf(shown, PATH_CAPACITY, "%s", url);
        return;
    }
    begin += strlen("://");
    begin += strspn(begin, "/");
    const char *end = begin + strcspn(begin, "?#"), *host = user_end(begin, end);
    bool local = strncasecmp(url, "file:", 5) == 0;
    if (local) host = begin;
    if (local || is_plain_host(host, end))
        snprintf(shown, PATH_CAPACITY, "%.*s%.*s%s", (int)(begin - url), url, (int)(end - host), host,
            *end ? "?..." : "");
    else
        snprintf(shown, PATH_CAPACITY, "%.*s...", (int)(begin - url), url);
}

const char *url_redirects(const char *url) {
    return strncasecmp(url, "https:", 6) == 0 ? "https" : "http,https";
}
