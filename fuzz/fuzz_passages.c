#include "fuzz.h"

#include "generate/passages.h"

// Passages stand in the order of their lines, and a zero byte follows each text.
static void check(const sigmoe_passages *passages) {
    int64_t count, line = 0;
    const sigmoe_passage *p = passages_list(passages, &count);
    for (int64_t i = 0; i < count; line = p[i++].line)
        if (p[i].line <= line || p[i].context[p[i].context_size] || p[i].continuation[p[i].continuation_size])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    for (int64_t failing = -1; failing < 1; failing++) {
        sigmoe_passages *passages;
        if (failing == 0) fail_an_allocation(bytes, size);
        sigmoe_status status = passages_read("fuzzed", (const char *)bytes, size, &passages);
        fail_no_allocation();
        if (status != SIGMOE_OK) continue;
        check(passages);
        passages_free(passages);
    }
    return 0;
}
