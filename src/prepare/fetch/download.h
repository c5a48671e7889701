// Downloads files from http, https and file URLs, by libcurl.
#pragma once

#include "base/status.h"

typedef struct download_request {
    const char *url;
    const char *path;   // where it goes; "<path>.partial" until it is whole
    const char *task;   // for progress: "download enwik8.zip"
    const char *sha256; // what it must have; NULL: any
    int64_t most_bytes; // that it may have
    const sigmoe_observer *observer;
} download_request;

// How slow a server may be before it is given up. Tests do not wait so long.
typedef struct download_patience {
    long bytes_per_second, seconds;
} download_patience;
extern download_patience download_least_speed;

// Follows redirects, from https to https alone. Messages do not have the secrets of the URL. An interrupted or truncated download leaves "<path>.partial", which the next one resumes if the server
// says that the file has not changed since, or if its SHA-256 will show it. An empty file is an error.
sigmoe_status download(const download_request *request);
// Removes what an unfinished download to `path` left.
void download_forget(const char *path);
