// URLs for people and files: what of them may be a secret is left out.
#pragma once

#include "system/path.h"

bool is_url(const char *name);
// `url` without user, password, query and fragment, in which access tokens stand: "https://host/file?...". Nothing but the scheme
// is left of one that cannot be taken apart for sure. Too long a URL is cut off.
void url_shown(const char *url, char shown[PATH_CAPACITY]);
// The protocols to which a server may redirect a request for `url`, for libcurl: what begins encrypted stays so.
const char *url_redirects(const char *url);
