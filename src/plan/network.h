// What connects nodes, as people write it: "25gbit", "100gbit:2us", "3GB/s:0.5ms".
#pragma once

#include "base/status.h"

typedef struct network {
    double bytes_per_s; // in each direction
    double latency;     // seconds
} network;

// SIGMOE_BAD_ARGUMENT, with what can be written. Without a latency: that of Ethernet through the kernel, 20 microseconds.
sigmoe_status network_parse(const char *text, network *out);
