// URLs with secrets: what is shown of one has no user and no query.
#include "fuzz.h"

#include "prepare/fetch/shown_url.h"

#include <string.h>
#include <strings.h>

static char url[1 << 13], shown[PATH_CAPACITY];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size >= sizeof url) return 0;
    memcpy(url, bytes, size);
    url[size] = '\0';
    url_shown(url, shown);
    if (!is_url(url)) return 0;
    if (strcmp(url_redirects(url), "https") == 0 && strncasecmp(url, "https:", 6) != 0) abort();
    if (strncasecmp(url, "file:", 5) == 0) return 0;
    const char *rest = strstr(shown, "://");
    if (!rest) return strlen(url) >= PATH_CAPACITY - 1 ? 0 : (abort(), 0);
    rest += 3;
    const char *query = strchr(rest, '?');
    if (query && strcmp(query, "?...") != 0 && strlen(shown) < PATH_CAPACITY - 1) abort();
    if (strchr(rest, '#')) abort();
    for (const char *at = strchr(rest, '@'); at; at = strchr(at + 1, '@'))
        if (at == rest || at[-1] != '/') abort();
    return 0;
}
