#include "plan/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Of a message through the kernel's TCP between machines of one switch.
static const double USUAL_LATENCY = 20e-6;

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit rates[] = {{"gbit", 1e9 / 8}, {"mbit", 1e6 / 8}, {"GB/s", 1e9}, {"MB/s", 1e6}};
static const unit times[] = {{"us", 1e-6}, {"ms", 1e-3}, {"ns", 1e-9}};

// A positive number with one of the units behind it, up to *end; 0: it is none.
static double read_number(const char *text, const unit *units, size_t count, const char **end) {
    char *rest;
    if (*text < '0' || *text > '9') return 0; // strtod reads signs, "inf" and "nan", too
    double value = strtod(text, &rest);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(units[i].name);
        if (strncmp(rest, units[i].name, length) != 0) continue;
        *end = rest + length;
        return value * units[i].factor;
    }
    return 0;
}

sigmoe_status network_parse(const char *text, network *out) {
    const char *rest = "?";
    const double MOST_RATE = 1e15, MOST_LATENCY = 10;
    *out = (network){read_number(text, rates, sizeof rates / sizeof *rates, &rest), USUAL_LATENCY};
    if (*rest == ':') out->latency = read_number(rest + 1, times, sizeof times / sizeof *times, &rest);
    bool good = out->bytes_per_s >= 1 && out->bytes_per_s <= MOST_RATE && out->latency > 0 &&
                out->latency <= MOST_LATENCY && *rest == '\0';
    return good ? SIGMOE_OK
                : fail(SIGMOE_BAD_ARGUMENT,
                      "`network` is \"%.60s\"; it must be a rate in gbit, mbit, GB/s or MB/s, and after a "
                      "colon a latency in ms, us or ns if it is known: 25gbit or 100gbit:2us",
                      text);
}
