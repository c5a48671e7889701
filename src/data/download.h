// Files from http, https and file URLs, by libcurl.
#pragma once

#include "base/status.h"

typedef struct download_request {
    const char *url;
    const char *path;   // where it goes; "<path>.partial" until it is whole
    const char *task;   // for progress: "download enwik8.zip"
    const char *sha256; // what it must have; NULL: any
    const sigmoe_observer *observer;
} download_request;

// Resumes "<path>.partial" if it is there, and leaves it when interrupted or cut off. Follows redirects.
sigmoe_status download(const download_request *request);
