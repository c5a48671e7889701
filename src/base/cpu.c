#include "base/cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cpu_level hardware = CPU_SCALAR;
static cpu_level current = CPU_SCALAR;
static bool without_onednn;

static const char *const names[] = {"scalar", "avx2", "avx512", "avx512bf16", "amx"};

const char *cpu_level_name(cpu_level level) {
    return names[level];
}

static sigmoe_status limit(cpu_level level) {
    if (level > hardware)
        return fail(SIGMOE_BAD_ARGUMENT, "this processor has no %s; the best it has is %s", names[level],
            names[hardware]);
    current = level;
    return SIGMOE_OK;
}

static sigmoe_status obey(const char *mask) {
    if (!mask || !*mask) return SIGMOE_OK;
    for (int level = CPU_SCALAR; level <= CPU_AMX; level++)
        if (strcmp(mask, names[level]) == 0) return limit((cpu_level)level);
    return fail(SIGMOE_BAD_ARGUMENT,
        "SIGMOE_CPU=%s: use one of scalar, avx2, avx512, avx512bf16, amx, or leave it unset", mask);
}

static sigmoe_status obey_onednn(const char *mask) {
    if (!mask || !*mask) return SIGMOE_OK;
    without_onednn = strcmp(mask, "off") == 0;
    return without_onednn ? SIGMOE_OK
                          : fail(SIGMOE_BAD_ARGUMENT, "SIGMOE_ONEDNN=%s: use off, or leave it unset", mask);
}

// What came of it, for whoever asks later.
static sigmoe_status verdict;
static char complaint[256];

static void begin(void) {
    hardware = current = cpu_detect();
    verdict = obey(getenv("SIGMOE_CPU"));
    if (verdict == SIGMOE_OK) verdict = obey_onednn(getenv("SIGMOE_ONEDNN"));
    if (verdict != SIGMOE_OK) snprintf(complaint, sizeof complaint, "%s", sigmoe_message());
}

static void begin_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
}

sigmoe_status cpu_init(void) {
    begin_once();
    return verdict == SIGMOE_OK ? SIGMOE_OK : fail(verdict, "%s", complaint);
}

cpu_level cpu_current(void) {
    begin_once();
    return current;
}

cpu_level cpu_hardware(void) {
    begin_once();
    return hardware;
}

bool cpu_without_onednn(void) {
    begin_once();
    return without_onednn;
}

sigmoe_status cpu_limit(cpu_level level) {
    begin_once();
    return limit(level);
}

void cpu_emulate(cpu_level level) {
    begin_once();
    current = level;
}
