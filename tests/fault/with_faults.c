// Runs a command whose system calls fail under one directory; its children's do, too. Exit status: the command's, 77 where
// the system does not let calls be watched (one line on stderr says why), 2 for a wrong call.
#include "system_faults.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: with_faults --under DIR PLAN -- COMMAND [ARGUMENT]...\n"
    "  --bytes N      files under DIR may grow by N bytes in all, then the disk is full\n"
    "  --read-only    nothing under DIR can be changed\n"
    "  --fail ERROR   one call about DIR fails: EIO, ENOSPC, ...; short: it moves one byte only\n"
    "    --nth N        which, from 0 (0)\n"
    "    --onwards      all after it fail, too\n"
    "    --calls NAMES  of those named, as write,fsync (all)\n"
    "    --report FILE  gets the name of the call that was made to fail; empty: there was none\n";

static int wrong(const char *what) {
    fprintf(stderr, "with_faults: %s\n%s", what, usage);
    return 2;
}

// An option and its value into the plan.
static bool take(fault_plan *plan, bool *kind_known, const char *option, const char *text) {
    if (strcmp(option, "--under") == 0) {
        plan->directory = text;
    } else if (strcmp(option, "--bytes") == 0) {
        plan->kind = FAULT_ROOM;
        plan->bytes = strtoll(text, NULL, 10);
        *kind_known = true;
    } else if (strcmp(option, "--fail") == 0) {
        plan->kind = FAULT_CALL;
        plan->error = faults_error(text);
        *kind_known = true;
        return plan->error || strcmp(text, "short") == 0;
    } else if (strcmp(option, "--nth") == 0) {
        plan->nth = strtoll(text, NULL, 10);
    } else if (strcmp(option, "--calls") == 0) {
        plan->calls = text;
    } else if (strcmp(option, "--report") == 0) {
        plan->report = open(text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        return plan->report >= 0;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    fault_plan plan = {0};
    bool kind_known = false;
    int at = 1, status = 0;
    while (at < argc && strcmp(argv[at], "--") != 0) {
        if (strcmp(argv[at], "--read-only") == 0) {
            plan.kind = FAULT_READ_ONLY;
            kind_known = true;
            at++;
        } else if (strcmp(argv[at], "--onwards") == 0) {
            plan.onwards = true;
            at++;
        } else if (at + 1 == argc || !take(&plan, &kind_known, argv[at], argv[at + 1])) {
            return wrong(argv[at]);
        } else {
            at += 2;
        }
    }
    if (!plan.directory || !kind_known || at + 1 >= argc)
        return wrong("--under, a plan or a command is missing");
    const char *reason = faults_run(&plan, argv + at + 1, &status);
    if (!reason) return status;
    fprintf(stderr, "not run: %s\n", reason);
    return 77;
}
